"""A data set in a bucket: PutObject and CompleteMultipartUpload with If-None-Match.

A server that answers 412 says that the name is taken. After a lost answer it may be taken by ourselves, so a 412 is a
success where the stored bytes are ours: each object carries the blake2b of its bytes, and where it does not, the bytes
are read. 409 (another writer is at it), 503 and lost connections are tried again, a bounded number of times.
"""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from animatrix_ingest.keep.faults import Busy, point
from animatrix_ingest.keep.store import Absent, Conflict, Entry, StoreError, Summed, digest

T = TypeVar("T")

PART_BYTES = 32 << 20
"""Files longer than this are uploaded in parts of this size, at most 10,000 of them."""
MEMORY_BYTES = 64 << 20
"""What a file being written takes of memory before it moves to the disk."""
TRIES = 8
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 10.0
AGAIN = {"409", "ConditionalRequestConflict", "OperationAborted", "SlowDown", "503", "ServiceUnavailable", "500"}
AGAIN |= {"InternalError", "RequestTimeout", "RequestTimeTooSkewed", "Throttling", "RequestLimitExceeded"}
TAKEN = {"412", "PreconditionFailed"}
GONE = {"404", "NoSuchKey", "NoSuchUpload", "NotFound"}
HASH = "blake2b"


@dataclass(frozen=True)
class S3Store:
    """Names are objects under `bucket`/`prefix`. Endpoint and credentials come from AWS_* or fsspec."""

    bucket: str
    prefix: str

    @classmethod
    def at(cls, url: str) -> S3Store:
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if not bucket:
            raise StoreError(f"{url}: no bucket; write s3://BUCKET/PREFIX")
        prefix = prefix.strip("/")
        return cls(bucket, f"{prefix}/" if prefix else "")

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def place(self, name: str) -> Path | None:
        return None

    def get(self, name: str) -> bytes:
        return self._ranged(name, {})

    def read(self, name: str, offset: int, length: int) -> bytes:
        if not length:
            return b""
        return self._ranged(name, {"Range": f"bytes={offset}-{offset + length - 1}"})

    def _ranged(self, name: str, options: dict[str, str]) -> bytes:
        def get() -> bytes:
            body = self.call("get_object", name, **options)["Body"]
            return _await(body.read())

        try:
            return patiently(get)
        except OSError as error:
            if code_of(error) in GONE:
                raise Absent(
                    f"{self.url}/{name}: not there; run the ingest again, or `verify` to see what else is missing"
                ) from error
            if code_of(error) in ("InvalidRange", "416"):
                return b""
            raise self._failed(name, error) from error

    def head(self, name: str) -> dict[str, Any] | None:
        """Size and metadata of an object; None where there is none."""
        try:
            return patiently(lambda: self.call("head_object", name))
        except OSError as error:
            if isinstance(error, FileNotFoundError) or code_of(error) in GONE:
                return None
            raise self._failed(name, error) from error

    def size(self, name: str) -> int | None:
        found = self.head(name)
        return None if found is None else int(found["ContentLength"])

    def entries(self, prefix: str) -> list[Entry]:
        found, token = [], {}
        while True:
            page = patiently(
                lambda token=token: client().call_s3(
                    "list_objects_v2", Bucket=self.bucket, Prefix=self.prefix + prefix, **token
                )
            )
            for row in page.get("Contents", ()):
                name = row["Key"].removeprefix(self.prefix)
                found.append(Entry(name, row["Size"], row["LastModified"].timestamp()))
            if not page.get("IsTruncated"):
                return sorted(found, key=lambda entry: entry.name)
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def put(self, name: str, data: bytes) -> bool:
        if len(data) > PART_BYTES:
            writing = self.writing()
            try:
                writing.write(data)
                return writing.commit(name)
            finally:
                writing.discard()
        return self.put_if_absent(name, data, digest(data))

    def put_if_absent(self, name: str, data: bytes, blake2b: str) -> bool:
        def put() -> None:
            point(f"before {name}")
            self.call("put_object", name, Body=data, IfNoneMatch="*", Metadata={HASH: blake2b})
            point(f"put {name}")

        try:
            patiently(put)
        except OSError as error:
            if code_of(error) not in TAKEN:
                raise self._failed(name, error) from error
            self.must_hold(name, len(data), blake2b)
        return True

    def must_hold(self, name: str, size_bytes: int, blake2b: str) -> None:
        """Conflict unless the stored bytes are the ones meant."""
        found = self.head(name)
        if found is not None and found["ContentLength"] == size_bytes:
            held = found.get("Metadata", {}).get(HASH) or self._digest(name)
            if held == blake2b:
                return
        raise Conflict(f"{self.url}/{name}: holds other bytes than the {size_bytes} to be written")

    def _digest(self, name: str) -> str:
        state, at = hashlib.blake2b(digest_size=16), 0
        while block := self.read(name, at, PART_BYTES):
            state.update(block)
            at += len(block)
        return state.hexdigest()

    def renew(self, name: str, data: bytes) -> None:
        try:
            patiently(lambda: self.call("put_object", name, Body=data, Metadata={HASH: digest(data)}))
        except OSError as error:
            raise self._failed(name, error) from error

    def writing(self) -> S3Writing:
        return S3Writing(self)

    def delete(self, name: str) -> None:
        patiently(lambda: self.call("delete_object", name))

    def sweep(self) -> int:
        """Nothing half-written is ever seen in a bucket; parts of uploads that died are the bucket's lifecycle rule's
        business (AbortIncompleteMultipartUpload), as another driver's upload cannot be told from a dead one."""
        return 0

    def call(self, method: str, name: str, **options: Any) -> Any:
        """One request about one object."""
        point(f"request {method}")
        return client().call_s3(method, Bucket=self.bucket, Key=self.prefix + name, **options)

    def _failed(self, name: str, error: OSError) -> StoreError:
        return StoreError(f"{self.url}/{name}: {error or code_of(error)} (tried {TRIES} times where trying helps)")


class S3Writing(Summed):
    """Bytes gathered here, in memory or on the disk, until their name is known; then uploaded."""

    def __init__(self, store: S3Store) -> None:
        self.store = store
        super().__init__()
        self._file = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115  closed by discard

    def write(self, data: bytes) -> tuple[int, int]:
        """Append; returns (offset, length) of what was written."""
        self._file.write(data)
        return self.add(data)

    def commit(self, name: str) -> bool:
        """Upload under `name`, in parts where it is long, unless the name is taken."""
        if self.size_bytes > PART_BYTES:
            return self.commit_in_parts(name)
        self._file.seek(0)
        return self.store.put_if_absent(name, self._file.read(), self.blake2b)

    def commit_in_parts(self, name: str) -> bool:
        """The same by a multipart upload, whose completion is what happens only where the name is free.

        A completion answered by 409 starts again with a new upload, as S3 asks.
        """
        if (held := self.store.size(name)) is not None and held != self.size_bytes:
            raise Conflict(f"{self.store.url}/{name}: holds other bytes than the {self.size_bytes} to be written")
        try:
            patiently(lambda: self._upload(name))
        except OSError as error:
            if code_of(error) not in TAKEN | GONE:
                raise self.store._failed(name, error) from error
            self.store.must_hold(name, self.size_bytes, self.blake2b)
        return True

    def _upload(self, name: str) -> None:
        store = self.store
        begun = store.call("create_multipart_upload", name, Metadata={HASH: self.blake2b})
        upload = {"UploadId": begun["UploadId"]}
        try:
            parts = []
            self._file.seek(0)
            while block := self._file.read(PART_BYTES):
                number = len(parts) + 1
                point(f"before part of {name}")
                done = patiently(
                    lambda number=number, block=block: store.call(
                        "upload_part", name, PartNumber=number, Body=block, **upload
                    )
                )
                parts.append({"PartNumber": number, "ETag": done["ETag"]})
                point(f"part of {name}")
            point(f"before {name}")
            whole = {"Parts": parts}
            store.call("complete_multipart_upload", name, MultipartUpload=whole, IfNoneMatch="*", **upload)
            point(f"put {name}")
        except OSError:
            with suppress(OSError):  # it was completed, or is gone; either way nothing of it is left to remove
                store.call("abort_multipart_upload", name, **upload)
            raise

    def discard(self) -> None:
        self._file.close()


def client() -> Any:
    """This process's S3 file system; one per process, as its event loop does not survive a fork."""
    return _client(os.getpid())


@lru_cache(maxsize=1)
def _client(pid: int) -> Any:
    try:
        import s3fs
    except ImportError as error:
        raise StoreError("s3://: s3fs is not installed; `pip install 's3fs>=2026'`") from error
    fs = s3fs.S3FileSystem(
        use_listings_cache=False, skip_instance_cache=True, config_kwargs={"retries": {"total_max_attempts": 1}}
    )
    fs.retries = 1  # `patiently` is the one who tries again, so that the waiting is bounded
    return fs


def _await(coroutine: Any) -> Any:
    from fsspec.asyn import sync

    return sync(client().loop, lambda: coroutine)


def code_of(error: BaseException) -> str:
    """The code of the server's answer behind an error of s3fs; its class name where no server answered."""
    for at in _chain(error):
        response = getattr(at, "response", None)
        if isinstance(response, dict) and "Error" in response:
            return str(response["Error"].get("Code", ""))
    if isinstance(error, FileNotFoundError):
        return "404"
    return "412" if isinstance(error, FileExistsError) else type(error).__name__


def patiently(call: Callable[[], T]) -> T:
    """Call, and call again after a wait that doubles, where the server asked for it or the connection was lost."""
    wait_s = FIRST_WAIT_S
    for left in range(TRIES - 1, -1, -1):
        try:
            return call()
        except Exception as error:
            if not left or not _passes(error):
                if isinstance(error, OSError):
                    raise
                raise OSError(f"{type(error).__name__}: {error}") from error
            time.sleep(wait_s * random.uniform(0.5, 1.0))
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
    raise AssertionError("unreachable")


def _passes(error: Exception) -> bool:
    """Whether the same request may be answered otherwise in a while."""
    if isinstance(error, Busy) or code_of(error) in AGAIN:
        return True
    lost = ("EndpointConnectionError", "ConnectionClosedError", "ConnectTimeoutError", "ReadTimeoutError")
    lost += ("IncompleteRead", "ClientPayloadError", "ConnectionError", "ServerDisconnectedError", "FSTimeoutError")
    return any(type(at).__name__ in lost or isinstance(at, ConnectionError) for at in _chain(error))


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in found:
        found.append(at)
        at = at.__cause__ or at.__context__
    return found
