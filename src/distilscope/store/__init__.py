"""Every file that is written or read: atomic, digested, with provenance.

A file appears under its name only when it is whole (written beside it, synced, renamed) and
has its SHA-256 in `<name>.sha256`, in the format of `sha256sum`, so that `sha256sum -c` checks
it without this program. Readers check the digest and say what to type when it doesn't fit.
Nothing here imports torch, and pandas and pyarrow are imported where they are used, because
the workflow imports this module each time it is parsed.
"""

from distilscope.store.digests import (
    ACCEPTED_FILE,
    DIGEST_SUFFIX,
    IDENTITY,
    PART,
    RUN,
    RUN_FILE,
    RUNS_FILE,
    CannotWrite,
    DamagedFile,
    artefact_of,
    canonical_json,
    digest_bytes,
    digest_file,
    digests_in,
    quoted,
)
from distilscope.store.reading import (
    open_array,
    read_json,
    read_rows,
    read_table,
    read_table_metadata,
    read_tensors,
    read_tensors_metadata,
    verify,
)
from distilscope.store.room import room
from distilscope.store.streams import map_tensor, write_tensor_stream
from distilscope.store.writing import (
    atomic,
    new_array,
    remove_parts,
    write_array,
    write_csv,
    write_json,
    write_table,
    write_tensors,
    write_text,
)
