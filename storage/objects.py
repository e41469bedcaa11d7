"""Blobs and documents in an S3-compatible object store, through django-storages: what a put answered is durable."""

import contextlib
import hmac
import secrets
from collections.abc import Hashable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, Any, cast

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

from storage.contract import ReplacedMeanwhileError, Source, StorageUnavailableError, StoredFile, Watch
from storage.reading import READ_FAULTS, ObjectReader
from storage.watching import RemoteWatch

PART = 8 * 1024 * 1024  # bytes, beyond which an upload is sent in parts
WRITERS = 8
LINK_SECONDS = 300  # that a presigned URL lasts
SENT_AGAIN = timedelta(hours=1)  # after which a file that is there already is sent all the same: see _send
_FAULTS = (BotoCoreError, ClientError, Boto3Error, *READ_FAULTS)
_MISSING = {"404", "NoSuchKey", "NotFound"}
_CONFLICT = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403"}
_CONFIG = {
    "signature_version": "s3v4",
    "retries": {"mode": "standard", "total_max_attempts": 3},
    "connect_timeout": 2,
    "read_timeout": 5,
    "max_pool_connections": 64,
    "tcp_keepalive": True,
    "request_checksum_calculation": "when_required",  # others than AWS do not know the newer ones
    "response_checksum_validation": "when_required",
}


class DurableObjectStorage(S3Storage):  # type: ignore[misc]  # django-storages is untyped
    """django-storages' S3 with the verbs of `storage.contract.DurableStorage`.

    A name is written once and never changed (`write`), but for those given to `replace`, which relies on
    the store's conditional puts. One client, which is safe for threads, serves all of them.
    """

    def __init__(self, *, incoming: Path, addressing: str, **options: Any) -> None:  # Any: django-storages' own
        config = Config(s3={"addressing_style": addressing}, **_CONFIG)
        super().__init__(client_config=config, file_overwrite=True, **options)
        self._incoming = incoming

    @cached_property
    def client(self) -> Any:  # Any: boto3 makes its clients' classes at run time
        """The S3 client of this process."""
        return self._create_session().client(
            "s3", region_name=self.region_name, endpoint_url=self.endpoint_url, config=self.client_config
        )

    @cached_property
    def _writers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(WRITERS, thread_name_prefix="put")

    def open(self, name: str, mode: str = "rb") -> IO[bytes]:
        """Open for reading, streamed; raises FileNotFoundError."""

        def get(first: int) -> Any:  # Any: boto3's answer
            more = {"Range": f"bytes={first}-"} if first else {}
            with self._faults_named(f"reading {name}", missing=name):
                return self.client.get_object(**self._at(name), **more)

        return cast(IO[bytes], ObjectReader(name, get))

    def exists(self, name: str) -> bool:
        """Whether something lies under the name."""
        return self._head(name) is not None

    def size(self, name: str) -> int:
        """In bytes; raises FileNotFoundError."""
        head = self._head(name)
        if head is None:
            raise FileNotFoundError(name)
        return int(head["ContentLength"])

    def url(self, name: str, *args: object, **kwargs: object) -> str:
        """A presigned address of a blob, for a few minutes."""
        asked = {**self._at(name), "ResponseContentType": "application/octet-stream"}
        with self._faults_named(f"signing an address of {name}"):
            return str(self.client.generate_presigned_url("get_object", Params=asked, ExpiresIn=LINK_SECONDS))

    def local(self, name: str) -> Path | None:
        """Nothing of it lies on this machine."""
        return None

    def incoming_folder(self) -> Path:
        """Where uploads are received: on this machine."""
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._incoming

    def write(self, files: Mapping[str, Source]) -> None:
        """Write all these, several at once; returns when each is durable. Received files are sent and removed here."""
        if len(files) == 1:
            self._put(*next(iter(files.items())))
        else:
            list(self._writers.map(self._put, files.keys(), files.values()))

    def replace(self, name: str, content: bytes, *, expected: bytes | None) -> None:
        """Put `content` in the place of `expected` (None: nothing yet), on the condition that it is still there.

        Read again afterwards: a put whose answer was lost, and that was refused when it was tried again, has succeeded.
        Raises ReplacedMeanwhileError where the name holds something else.
        """
        current, etag = self._read(name)
        if not _same(current, expected):
            raise ReplacedMeanwhileError(name)
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        unanswered: StorageUnavailableError | None = None
        try:
            with self._faults_named(f"replacing {name}", conflict=name):
                self.client.put_object(**self._at(name), Body=content, **condition)
        except StorageUnavailableError as error:
            unanswered = error
        except ReplacedMeanwhileError:
            pass
        if not _same(self._read(name)[0], content):
            raise unanswered or ReplacedMeanwhileError(name)

    def stored(self, folder: str) -> Iterator[StoredFile]:
        """Everything below a folder, a page of a thousand names at a time."""
        at, own = self._at(folder), len(self._at("")["Key"])
        asked: dict[str, str] = {"Bucket": at["Bucket"], "Prefix": f"{at['Key']}/"}
        while asked:
            with self._faults_named(f"listing {folder}"):
                page = self.client.list_objects_v2(**asked)
            for each in page.get("Contents", ()):
                yield StoredFile(each["Key"][own:], each["Size"], each["LastModified"])
            token = page.get("NextContinuationToken")
            asked = {**asked, "ContinuationToken": token} if token else {}

    def remove(self, names: Iterable[str], *, written_before: datetime) -> set[str]:
        """Remove these but for those that were written since; returns what is gone.

        Between the look at one and its removal lies a request, for the store has no removal on that condition.
        """

        def remove_one(name: str) -> str | None:
            head = self._head(name)
            if head is None or head["LastModified"] >= written_before:
                return None
            with self._faults_named(f"removing {name}"):
                self.client.delete_object(**self._at(name))
            return name

        return {name for name in self._writers.map(remove_one, names) if name is not None}

    def watch(self, name: str) -> Watch:
        """What the store's last few answers say, a few times a second."""

        def look() -> Hashable:
            head = self._head(name)
            if head is None:
                raise FileNotFoundError(name)
            return str(head["ETag"])

        return RemoteWatch(look)

    def check(self) -> None:
        """Raise StorageUnavailableError unless we may write, and conditions of puts are kept: publishers rely on it."""
        probe = self._at(f"probe-{secrets.token_hex(8)}")
        with self._faults_named("a first test"):
            self.client.put_object(**probe, Body=b"", IfNoneMatch="*")
        try:
            with self._faults_named("a first test", conflict="the probe"):
                self.client.put_object(**probe, Body=b"", IfNoneMatch="*")
        except ReplacedMeanwhileError:
            return
        finally:
            with self._faults_named("a first test"):
                self.client.delete_object(**probe)
        raise StorageUnavailableError(
            "it overwrites what a put with If-None-Match must leave alone, so two publishers could undo each other's"
            " work; use a store that keeps conditional puts."
        )

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket_name, "Key": f"{self.location}/{name}" if self.location else name}

    def _head(self, name: str) -> Any:  # Any: boto3's answer, None where there is nothing
        try:
            with self._faults_named(f"looking for {name}", missing=name):
                return self.client.head_object(**self._at(name))
        except FileNotFoundError:
            return None

    def _read(self, name: str) -> tuple[bytes | None, str | None]:
        """Content and ETag, both None where there is nothing."""
        try:
            with self._faults_named(f"reading {name}", missing=name):
                answer = self.client.get_object(**self._at(name))
                return answer["Body"].read(), str(answer["ETag"])
        except FileNotFoundError:
            return None, None

    def _put(self, name: str, source: Source) -> None:
        with self._faults_named(f"writing {name}"):
            if isinstance(source, Path):
                self._send(source, name)
            else:
                self.client.put_object(**self._at(name), Body=source)

    def _send(self, source: Path, name: str) -> None:
        """Send a received file, unless the name, which is its hash, holds as many bytes; then remove it here.

        What is there for long may be about to be pruned, for nobody has told of it yet: sent again it is young.
        """
        at, size, head = self._at(name), source.stat().st_size, self._head(name)
        is_young = head is not None and datetime.now(UTC) - head["LastModified"] < SENT_AGAIN
        if head is None or head["ContentLength"] != size or not is_young:
            if size > PART:
                parts = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=3)
                self.client.upload_file(str(source), at["Bucket"], at["Key"], Config=parts)
            else:
                with source.open("rb") as file:
                    self.client.put_object(**at, Body=file)
        source.unlink()

    @contextlib.contextmanager
    def _faults_named(self, act: str, *, missing: str = "", conflict: str = "") -> Iterator[None]:
        """The one place where S3's errors become ours."""
        try:
            yield
        except _FAULTS as error:
            code = str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""
            if missing and code in _MISSING:
                raise FileNotFoundError(missing) from None
            if conflict and code in _CONFLICT:
                raise ReplacedMeanwhileError(conflict) from None
            raise StorageUnavailableError(f"{act}: {self._advise(code, error)}") from error

    def _advise(self, code: str, error: Exception) -> str:
        if code in _REFUSED:
            return f"the store refuses us ({code}); check the key and the secret in INDEXSITE_STORAGE_URL."
        if code == "NoSuchBucket":
            return f"the store has no bucket {self.bucket_name}; make it, or correct INDEXSITE_STORAGE_URL."
        said = code or type(error).__name__
        return f"{said}; is the store that INDEXSITE_STORAGE_URL names running and within reach?"


def _same(one: bytes | None, other: bytes | None) -> bool:
    if one is None or other is None:
        return one is other
    return hmac.compare_digest(one, other)
