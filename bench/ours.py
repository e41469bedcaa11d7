"""Indexsite itself, as `python manage.py serve` runs it: open to read, and private."""

import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.asks import Ask, fetch
from bench.bounds import Pages
from bench.cases import CASES, Case, ask_by_page, check_answer
from bench.distributions import Wheel
from bench.errors import BenchError, CommandFailedError, WrongAnswerError, last_line
from bench.places import CHECKOUT
from bench.peers import page_url
from bench.processes import Launch, run_command, running
from bench.servers import Kind
from bench.uploading import basic_authorization, upload_wheels

PUBLISHED_SECONDS = 300
