"""Controls: what could give high alignment scores without any alignment, measured.

`lexical` is what spelling alone retrieves, `fertility` what the tokenizer does to each language,
`pool` how scores depend on the number of sentences, and on translations being translations.
"""
