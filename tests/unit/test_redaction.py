"""What looks like a secret is masked, wherever it stands; what does not is left alone.

The secrets here are made up; each has the shape of a real one.
"""

from __future__ import annotations

from typing import Any

import pytest

from entrypoint.redaction import MASK, redact, redact_value

SECRET = "hunter2hunter2"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3In0.c2lnbmF0dXJlLW9mLWl0"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"

# text: what must not be left of it
SECRET_TEXTS: dict[str, str] = {
    f"password={SECRET}": SECRET,
    f"PASSWORD: {SECRET}": SECRET,
    f"db_password = '{SECRET}'": SECRET,
    'password="correct horse battery"': "horse",
    f"--api-key={SECRET} --units=5": SECRET,
    f'{{"api_key": "{SECRET}", "units": 5}}': SECRET,
    f"{{'token': '{SECRET}'}}": SECRET,
    f'"{{\\"token\\": \\"{SECRET}\\"}}"': SECRET,
    f"aws_secret_access_key={SECRET}": SECRET,
    f"SecretAccessKey={SECRET}": SECRET,
    f"dbPassword={SECRET}": SECRET,
    f"AccountName=a;AccountKey={SECRET}": SECRET,
    f"Authorization: Basic {SECRET}==": SECRET,
    f"authorization: bearer {SECRET}": SECRET,
    "key id AKIAABCDEFGHIJKLMNOP": "AKIAABCDEFGHIJKLMNOP",
    f"cookie {JWT}": JWT,
    "cloned with ghp_0123456789abcdefghij0123": "0123456789abcdefghij",
    "hf_0123456789abcdefghij0123": "0123456789abcdefghij",
    "sk-0123456789abcdefghij0123": "0123456789abcdefghij",
    "AIza0123456789-0123456789_0123456789abcd": "0123456789-0123456789",
    KEY: "MIIEpAIBAAKCAQEA",
    "-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA": "MIIEpAIBAAKCAQEA",
    f"postgresql://user:{SECRET}@host/db": SECRET,
    f"redis://:{SECRET}@host:6379": SECRET,
    f"amqp://user:p@ss{SECRET}@host": SECRET,
    f"https://bucket/key?X-Amz-Signature=abcdef0123&X-Amz-Security-Token={SECRET}": SECRET,
    f"https://account.blob/c?sv=2020&sig={SECRET}%3D": SECRET,
}
PLAIN_TEXTS = [
    "max_tokens=4096",
    "max_tokens: 4096, num_tokens=12",
    "authors: Ada Lovelace",
    "AUTHORS=Lovelace",
    "tokenizer=/opt/ml/input/data/tokenizer.json",
    "TOKENIZER: bert-base",
    "the token was read, the password was not",
    "bypass=enabled",
    "keyboard: qwerty, key: abcdef",
    "compass: north",
    "accuracy = 0.97, loss = 0.1234",
    "s3://bucket/secret-garden/data.tfrecord",
    "http://host:8080/path and name@example.com",
    "step 10 of 100: 3.5 steps/s, 4 s left",
]
SECRET_NAMES = [
    "password",
    "PASSWORD",
    "db_password",
    "password2",
    "pwd",
    "passphrase",
    "secret",
    "client_secret",
    "clientSecret",
    "SECRET_KEY",
    "api-key",
    "apiKey",
    "api_keys",
    "aws.access.key",
    "access_token",
    "HF_TOKEN",
    "accessToken",
    "private_key",
    "credentials",
    "Authorization",
]
PLAIN_NAMES = [
    "max_tokens",
    "authors",
    "AUTHORS",
    "tokenizer",
    "tokenizer_path",
    "token2id",
    "key",
    "keys",
    "compass",
    "passes",
    "units",
]


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_a_secret_in_a_text_is_masked(text: str) -> None:
    redacted = redact(text)
    assert SECRET_TEXTS[text] not in redacted
    assert MASK in redacted


@pytest.mark.parametrize("text", PLAIN_TEXTS)
def test_a_text_without_secrets_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_what_stands_around_a_secret_is_kept() -> None:
    assert redact(f"login user=ada password={SECRET}, units=5") == (
        f"login user=ada password={MASK}, units=5"
    )
    assert redact(f"s3://ada:{SECRET}@host/a/b") == f"s3://{MASK}@host/a/b"


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_text_under_a_secret_name_is_masked_whole(name: str) -> None:
    assert redact_value({name: "ab c"}) == {name: MASK}


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_a_text_under_another_name_is_kept(name: str) -> None:
    assert redact_value({name: "/data/vocabulary.txt"}) == {name: "/data/vocabulary.txt"}


@pytest.mark.parametrize("value", [5, 0.5, True, None, ""])
def test_numbers_and_nothing_are_no_secrets(value: Any) -> None:
    assert redact_value({"token": value}) == {"token": value}


def test_nested_values_are_masked_where_they_stand() -> None:
    value = {
        "sources": [{"uri": f"s3://u:{SECRET}@h", "password": "x"}, "plain"],
        "tokens": {"token": ["a", "b"], "count": 2},
    }
    assert redact_value(value) == {
        "sources": [{"uri": f"s3://{MASK}@h", "password": MASK}, "plain"],
        "tokens": {"token": [MASK, MASK], "count": 2},
    }


def test_the_value_given_is_not_changed() -> None:
    value = {"password": SECRET}
    redact_value(value)
    assert value == {"password": SECRET}


def test_a_long_text_of_near_secrets_takes_no_time() -> None:
    """No pattern backtracks: this would take minutes if one did."""
    for piece in ("password", "://a:", "eyJ", "-----BEGIN ", "token=", "\\", "aA"):
        redact(piece * 4000)
