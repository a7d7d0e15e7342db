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


def detect(data: bytes):
    return detect_encoding(io.BufferedReader(io.BytesIO(data)))


@pytest.mark.parametrize("byte", range(0x80, 0x100, 9))
@pytest.mark.parametrize("line", ["2,plain text", "2,Très déçu et שלום"])
def test_one_invalid_byte_leaves_the_file_utf_8_and_its_line_is_told(byte, line):
    data = f"id,text\n1,fine\n{line} ".encode() + bytes([byte]) + b" again\n3,ok\n" * 50
    found = detect(data)
    assert (found.name, found.n_invalid, found.first_invalid) == ("utf-8", 1, 3)
    (note,) = found.list_notes()
    assert note == "1 byte sequence is not valid utf-8 (first: line 3) and read as \ufffd"


def test_a_guess_is_told_with_what_to_do_where_it_is_wrong():
    (note,) = detect("id,text\n1,המשלוח איחר מאוד\n".encode("cp1255")).list_notes()
    assert note.startswith("the encoding is a guess (cp1255)") and "as UTF-8" in note


@pytest.mark.parametrize("word", ["café is", "don’t do", "naïve"])
def test_one_accent_inside_a_word_of_plain_text_is_read_as_western(word):
    data = b"id,text\n" + b"1,fine\n" * 50 + f"2,the {word}\n".encode("cp1252")
    found = detect(data)
    assert data.decode(found.name).endswith(f"{word}\n")


def test_a_stray_byte_far_down_a_file_is_found_and_its_line_counted():
    data = b"x,y\n" * 700_000 + b"x,\x96y\n" + b"x,y\n" * 300_000 + b"x,\xe9t\n"
    found = detect(data)
    assert (found.name, found.n_invalid, found.first_invalid) == ("utf-8", 2, 700_001)


def test_a_file_cut_inside_a_character_stays_utf_8():
    found = detect("id,text\n1,fine\n2,שלום".encode()[:-1])
    assert (found.name, found.n_invalid, found.first_invalid) == ("utf-8", 1, 3)


@pytest.mark.parametrize("codec", ["cp1252", "cp1255", "cp1256", "cp1251"])
def test_a_single_byte_file_is_recognised_by_two_sentences_among_many_ascii_lines(codec):
    text = "id,text\n" + "1,fine\n" * 500 + SENTENCES[codec]
    data = text.encode(codec)
    found = detect(data)
    assert data.decode(found.name) == text
    assert not found.is_certain


def test_two_letters_of_another_script_side_by_side_are_no_stray_bytes():
    assert not detect("id,text\n1,כן\n".encode("cp1255")).is_certain
