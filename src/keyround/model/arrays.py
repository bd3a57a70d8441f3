"""Python values as the arrays of Arrow that are stored.

Arrow's own way from Python values to arrays begins with `import pandas`, which takes a third of a second of every scan;
so the few kinds of column that tables have are laid out here, unless there are so many values that its own way is
the quicker one all the same. A value of another type than its column's raises TypeError.

Source  https://arrow.apache.org/docs/format/Columnar.html
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

MANY = 20_000
_EPOCH, _MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)


def arrow_array(cells: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """One column of `arrow_schema`; None is null."""
    import pyarrow as pa

    if len(cells) >= MANY:
        return pa.array(cells, kind)
    nulls = pa.py_buffer(_bits([cell is not None for cell in cells])) if None in cells else None

    def laid_out(*buffers: Any, **more: Any) -> pa.Array:
        return pa.Array.from_buffers(kind, len(cells), [nulls, *map(pa.py_buffer, buffers)], **more)

    def filled(gap: Any) -> Sequence[Any]:
        return [gap if cell is None else cell for cell in cells] if nulls else cells

    if pa.types.is_list(kind):
        lists = filled(())
        items = arrow_array(list(chain.from_iterable(lists)), kind.value_type)
        return laid_out(_ends(map(len, lists)), children=[items])
    if pa.types.is_string(kind):
        texts = filled("")
        if (joined := "".join(texts)).isascii():  # as nearly all are: a letter is a byte
            return laid_out(_ends(map(len, texts)), joined.encode())
        encoded = [text.encode() for text in texts]
        return laid_out(_ends(map(len, encoded)), b"".join(encoded))
    if pa.types.is_timestamp(kind):
        return laid_out(array("q", [(cell - _EPOCH) // _MICROSECOND for cell in filled(_EPOCH)]))
    if pa.types.is_boolean(kind):
        return laid_out(_bits(filled(False)))
    return laid_out(array("q" if pa.types.is_integer(kind) else "d", filled(0)))


def _ends(lengths: Iterable[int]) -> Any:
    """Where each begins and the last one ends."""
    import numpy as np

    return np.cumsum(np.fromiter(chain((0,), lengths), np.int32), dtype=np.int32)


def _bits(truths: Sequence[bool]) -> bytes:
    """Eight to a byte, the first one lowest."""
    import numpy as np

    return np.packbits(np.frombuffer(bytes(truths), np.uint8), bitorder="little").tobytes()
