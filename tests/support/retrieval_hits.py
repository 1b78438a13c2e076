"""`python -m tests.support.retrieval_hits`: how often the right article is found, as docs/retrieval.md tells it."""

import sys
from pathlib import Path

import yaml

from firstline.bundle.load import load_bundle
from firstline.retrieval.lexical import LexicalRetriever
from firstline.retrieval.passages import build_passages, collect_tags

QUESTIONS = Path(__file__).with_name("retrieval_questions.yaml")
ACME = Path("bundles/acme")


def main() -> None:
    bundle = load_bundle(ACME)
    passages = build_passages(bundle.articles)
    retriever = LexicalRetriever(passages, fallback=bundle.locale, tags=collect_tags(bundle.articles))
    asked = yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))
    for locale in ("en", "zh"):
        ranks: list[int] = []
        for each in asked[locale]:
            gold = each["gold"] if isinstance(each["gold"], list) else [each["gold"]]
            found = retriever.find(each["question"], locale=locale, limit=3)
            slugs = [passage.passage_id.partition("/")[2].partition("#")[0] for passage in found]
            ranks.append(next((rank for rank, slug in enumerate(slugs) if slug in gold), 99))
        first = sum(rank == 0 for rank in ranks) / len(ranks)
        three = sum(rank < 3 for rank in ranks) / len(ranks)
        sys.stdout.write(f"{locale}: {len(ranks)} questions, hit@1 {first:.0%}, hit@3 {three:.0%}\n")
    outside = [(locale, text) for locale, texts in asked["outside"].items() for text in texts]
    scores = [retriever.find(text, locale=locale, limit=1) for locale, text in outside]
    best = [found[0].score for found in scores if found]
    sys.stdout.write(
        f"outside: {len(outside)} questions, {len(outside) - len(best)} find nothing, "
        f"{sum(score >= 0.3 for score in best)} score 0.3 or more, highest {max(best):.2f}; "
        f"{len(passages)} passages\n"
    )


if __name__ == "__main__":
    main()
