"""Stories: what the tables say, told in sentences, each with the facts that it rests on."""
