"""Encodings, told from bytes."""

import io

import pytest

from pipelines.reading.encodings import detect_encoding

SENTENCES = {
    "cp1255": "id,text\n1,המשלוח איחר מאוד והאוכל הגיע קר\n2,שירות מעולה תודה\n",
    "cp1256": "id,text\n1,خدمة سيئة جدا وتأخر التوصيل\n2,شكرا لكم\n",
    "cp1251": "id,text\n1,Все очень плохо, доставка опоздала на три часа\n2,Спасибо\n",
    "cp1250": "id,text\n1,Zażółć gęślą jaźń, obsługa była bardzo zła i paczka nie doszła\n",
    "cp1254": "id,text\n1,Ürün çok kötü geldi, müşteri hizmetleri cevap vermiyor, ışık yok\n",
    "cp1252": "id,text\n1,Très déçu du service après-vente\n2,Die Lieferung war zu spät\n",
    "mac_roman": "id,text\n1,Die Lieferung war zu spät, die Qualität schön schlecht\n2,überhaupt\n",
    "cp932": "id,text\n1,注文した商品が届きません。とても残念です。\n",
    "euc_jp": "id,text\n1,注文した商品が届きません。とても残念です。\n",
    "cp949": "id,text\n1,고객센터 연결이 안됩니다. 정말 불편해요 앱이 자꾸 꺼져요\n",
    "gb18030": "id,text\n1,快递太慢了，客服态度也很差，很失望\n2,很好用，推荐\n",
}


@pytest.mark.parametrize("codec", SENTENCES)
def test_legacy_encodings_of_two_sentences_are_told_apart(codec):
    data = SENTENCES[codec].encode(codec)
    found = detect_encoding(io.BufferedReader(io.BytesIO(data)))
    assert data.decode(found.name) == SENTENCES[codec]
    assert not found.is_certain


@pytest.mark.parametrize(
    "codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("text", list(SENTENCES.values()))
def test_unicode_is_told_with_and_without_a_mark(codec, text):
    found = detect_encoding(io.BufferedReader(io.BytesIO(text.encode(codec))))
    assert text.encode(codec).decode(found.name) == text
    assert found.is_certain


def test_bytes_after_the_first_megabyte_count_too():
    data = b"x,y\n" * 400_000 + "é déçu".encode("cp1252")
    assert detect_encoding(io.BufferedReader(io.BytesIO(data))).name == "cp1252"
