"""The ways in which Taiwanese shops write down a phone number, and the ways in which it is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

_FULL_WIDTH = str.maketrans("0123456789-+", "０１２３４５６７８９－＋")

#: A Taiwanese mobile's nine digits (912345678) as people write them; the frequent ways stand several times.
_WAYS: tuple[Callable[[str], str], ...] = (
    *(3 * (lambda n: f"0{n[:3]}-{n[3:6]}-{n[6:]}",)),
    *(3 * (lambda n: f"0{n}",)),
    *(2 * (lambda n: f"0{n[:3]}-{n[3:]}",)),
    lambda n: f"0{n[:3]} {n[3:6]} {n[6:]}",
    lambda n: f"(0{n[:3]}) {n[3:6]} {n[6:]}",
    lambda n: f"0{n[:3]}.{n[3:6]}.{n[6:]}",
    lambda n: f"0{n[:3]}-{n[3:6]}-{n[6:]}".translate(_FULL_WIDTH),
    lambda n: f"0{n}".translate(_FULL_WIDTH),
    lambda n: f" 0{n} ",
    lambda n: f"0{n[:3]}\u3000{n[3:6]}\u3000{n[6:]}",
    lambda n: n,
    lambda n: f"+886{n}",
    lambda n: f"+886-{n[:3]}-{n[3:6]}-{n[6:]}",
    lambda n: f"+886 {n[:3]} {n[3:6]} {n[6:]}",
    lambda n: f"+886 0{n}",
    lambda n: f"886{n}",
    lambda n: f"886-{n[:3]}-{n[3:6]}-{n[6:]}",
    lambda n: f"00886{n}",
    lambda n: f"0{n[:3]}-{n[3:6]}-{n[6:]} #12",
    lambda n: f"0{n[:3]}-{n[3:6]}-{n[6:]} ext. 305",
)
#: Country code, digits that begin a valid mobile there, how many random ones follow, and how it is written.
_ABROAD = (
    ("852", "9123", 4, lambda n: f"+852 {n[:4]} {n[4:]}"),
    ("852", "6123", 4, lambda n: f"+852-{n}"),
    ("81", "90", 8, lambda n: f"+81 {n[:2]}-{n[2:6]}-{n[6:]}"),
    ("1", "4152", 6, lambda n: f"+1 ({n[:3]}) {n[3:6]}-{n[6:]}"),
    ("65", "9123", 4, lambda n: f"+65 {n[:4]} {n[4:]}"),
)


@dataclass(frozen=True, slots=True)
class Number:
    """A valid mobile number. `ways` are those in which its owner's rows may hold it."""

    e164: str
    national: str
    ways: tuple[Callable[[str], str], ...]

    def written(self, random: Random) -> str:
        """One way of writing it."""
        return random.choice(self.ways)(self.national)


def numbers(random: Random, *, foreign_share: float) -> Iterator[Number]:
    """Different numbers without end: Taiwanese mobiles (09 and a digit from 1 to 8), a few from abroad."""
    given: set[str] = set()
    while True:
        number = _foreign(random) if random.random() < foreign_share else _taiwanese(random)
        if number.e164 not in given:
            given.add(number.e164)
            yield number


def _taiwanese(random: Random) -> Number:
    national = f"9{random.randrange(10_000_000, 90_000_000)}"
    return Number(f"+886{national}", national, _WAYS)


def _foreign(random: Random) -> Number:
    code, start, length, way = random.choice(_ABROAD)
    rest = f"{random.randrange(10**length):0{length}d}"
    # No Japanese subscriber number and no American exchange starts with 0 or 1.
    national = start + rest.replace("0", "2", 1).replace("1", "3", 1) if code in ("81", "1") else start + rest
    return Number(f"+{code}{national}", national, (way,))


def dead(random: Random) -> str | None:
    """Something in the place of a mobile number to which no message can go."""
    digits = f"{random.randrange(10**8):08d}"
    return random.choice(
        (
            *(None, "", "   ", "-", "無", "不提供", "待補", "N/A", "test", "同上"),
            *("0000000000", "1234567890", "119", "0800-000-123"),
            *(
                f"09{digits}{digits}",
                f"09{digits[:5]}",
                f"0912-345-{digits[:2]}",
                f"09{digits}{digits[:2]}",
                f"0{digits[:3]}-xxx-xxx",
            ),
            *(landline(random), landline(random), f"{landline(random)} #{digits[:3]}"),
        )
    )


def landline(random: Random) -> str:
    """A number in Taipei, Taichung or Kaohsiung that rings on a desk."""
    digits = f"{random.randrange(10**6):06d}"
    return random.choice((f"02-23{digits[:2]}-{digits[2:]}", f"(04)22{digits[:2]}-{digits[2:]}", f"07 22{digits[1:]}"))
