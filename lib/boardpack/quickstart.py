"""What makes a process of ours start sooner."""

from __future__ import annotations

import sys


def skip_iri_grammar() -> None:
    """Keep ``jsonschema`` from building a grammar that nothing here uses; call it before the first
    import of it.

    With JupyterLab installed, importing ``jsonschema`` (which Altair, nbformat, Papermill and Great
    Expectations all do) builds the parser of the ``iri`` string format, about a second in every
    process. ``None`` in ``sys.modules`` makes that import fail, which jsonschema takes as "format
    not supported" and goes on.

    >>> skip_iri_grammar()
    >>> "rfc3987_syntax" in sys.modules
    True
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
