"""`firstline eval …`. Exit codes: 0 the verdict is good, 1 something failed or got worse, 2 it could not run."""

import asyncio
import json
import sys
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from firstline.config import Settings, load_settings
from firstline.engine import Engine
from firstline.errors import ConfigError, Problem
from firstline.evals.compare import Comparison, compare
from firstline.evals.dataset import CaseFile, load_cases
from firstline.evals.estimate import estimate
from firstline.evals.metrics import targets_of
from firstline.evals.page import write_comparison_page, write_page
from firstline.evals.run import (
    TRIALS,
    Plan,
    choose_cases,
    hash_scorers,
    hash_suite,
    left_to_run,
    opened_engine,
    read_trials,
    run_plan,
    score_all,
)
from firstline.evals.sheet import (
    RUN,
    SUMMARY,
    Origin,
    Sheet,
    cost_of,
    read_origin,
    read_sheet,
    write_origin,
    write_sheet,
)
from firstline.evals.terminal_table import print_comparison, print_sheet
from firstline.evals.trial import Trial
from firstline.evals.wording import count
from firstline.evals.written import write_junit, write_markdown
from firstline.model import Model
from firstline.types import choose_text
