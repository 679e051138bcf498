"""The text for a plain prompt: it names the model, quotes the prompt, and says that no model ran.

It is long enough for a stream of several deltas, and has characters of two, three and four UTF-8 bytes.
"""

from zlib import crc32

_QUOTED_WORDS = 12
_ALWAYS = "No model was asked: this text was put together on this machine — naïvely, 好的, and for free 🚀."
_SENTENCES = (
    "The same prompt will always get the same answer, which is more than a real model promises.",
    "Four characters make one token here, so the numbers add up without a tokenizer.",
    "A café in Köln, a cantina in Málaga and a 茶館 in 台北 all serve it equally warm ☕.",
    "Whatever was asked, the honest reply is that nobody thought about it.",
    "If these words arrive one after another, then streaming works from end to end.",
    "Добрый день, こんにちは, grüß Gott: text is bytes only while it travels.",
    "Point the worker at the real vendor by putting a key into its variables.",
    "There is no wisdom below this line, only a checksum choosing among eight sentences 🎲.",
)


def checksum_of(prompt: str) -> int:
    """Return the checksum that all choices for a prompt depend on."""
    return crc32(prompt.encode("utf-8", "surrogatepass"))


def write_plain_text(model: str, prompt: str) -> str:
    """Return the text of a model for a prompt that asks for nothing that the emulator knows."""
    words = prompt.split()
    quote = " ".join(words[:_QUOTED_WORDS]) + (" …" if len(words) > _QUOTED_WORDS else "")
    checksum = checksum_of(prompt)
    chosen = [_SENTENCES[(checksum + 3 * step) % len(_SENTENCES)] for step in range(3)]
    return f"[emulated {model}] You wrote “{quote}” (checksum {checksum:08x}). {_ALWAYS} {' '.join(chosen)}"
