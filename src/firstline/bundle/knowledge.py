"""Articles: from a file under knowledge/<locale>/ to a page with an address and working links."""

import posixpath
import re
from collections.abc import Sequence
from pathlib import Path

from firstline.bundle import Article
from firstline.bundle.files import read_text
from firstline.bundle.markdown import rewrite_links, split_front_matter
from firstline.bundle.mistakes import read_shape, suggest
from firstline.bundle.shapes import ArticleHeader
from firstline.errors import ConfigError, Problem
from firstline.types import Locale

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*")


def build_url(bundle: str, locale: Locale, slug: str) -> str:
    """Where the service shows the article."""
    return f"/help/{bundle}/{locale}/{slug}"


def load_article(path: Path, *, bundle: str, locale: Locale, root: Path) -> tuple[Article, int]:
    """The article, its links as written, and the line where its body begins; `root` is knowledge/<locale>."""
    slug = path.relative_to(root).with_suffix("").as_posix()
    if not _SLUG.fullmatch(slug):
        remedy = "name files and folders with a-z, 0-9 and - only"
        raise ConfigError(Problem(f"`{slug}` cannot be part of an address", remedy, path))
    document, body, first_line = split_front_matter(read_text(path), path=path)
    header = read_shape(document, ArticleHeader)
    article = Article(
        slug=slug,
        locale=locale,
        title=header.title,
        url=build_url(bundle, locale, slug),
        tags=header.tags,
        updated=header.updated,
        body=body,
    )
    return article, first_line


def link_articles(sources: Sequence[tuple[Path, Article, int]]) -> tuple[tuple[Article, ...], list[Problem]]:
    """The articles with relative links made addresses, and a problem for each link that leads nowhere."""
    urls = {(article.locale, article.slug): article.url for _, article, _ in sources}
    problems: list[Problem] = []

    def link(path: Path, article: Article, first_line: int) -> Article:
        def choose_url(target: str, line: int) -> str:
            page, mark, part = target.partition("#")
            slug = posixpath.normpath(posixpath.join(posixpath.dirname(article.slug), page.removesuffix(".md")))
            if url := urls.get((article.locale, slug)):
                return url + mark + part
            known = [each for locale, each in urls if locale == article.locale]
            remedy = suggest(slug, known, otherwise="link to an article of the same language, or take the link out")
            problems.append(Problem(f"the link to `{target}` leads nowhere", remedy, path, first_line + line))
            return target

        return article.model_copy(update={"body": rewrite_links(article.body, choose_url)})

    return tuple(link(*source) for source in sources), problems
