"""What tree-sitter is asked for: definitions and imports, by language.

The node names are those of the grammars' own ``node-types.json``.
"""

import contextlib
import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import NamedTuple

from tree_sitter import Language, Query


class Grammar(NamedTuple):
    """A language, and the query whose captures are ``definition`` and ``import``."""

    language: Language
    query: Query


class _Source(NamedTuple):
    module: str
    function: str
    query: str


_PYTHON = """
(function_definition) @definition
(class_definition) @definition
(import_statement) @import
(import_from_statement) @import
"""
_JAVASCRIPT = """
(function_declaration) @definition
(generator_function_declaration) @definition
(class_declaration) @definition
(method_definition) @definition
(variable_declarator value: [(arrow_function) (function_expression)]) @definition
(import_statement source: (string) @import)
(export_statement source: (string) @import)
(call_expression function: (identifier) @_f arguments: (arguments . (string) @import)
  (#eq? @_f "require"))
"""
_TYPESCRIPT = f"""{_JAVASCRIPT}
(interface_declaration) @definition
(type_alias_declaration) @definition
(enum_declaration) @definition
(abstract_class_declaration) @definition
(function_signature) @definition
"""
_GO = """
(function_declaration) @definition
(method_declaration) @definition
(type_spec) @definition
(import_spec path: (interpreted_string_literal) @import)
"""
_RUST = """
(function_item) @definition
(struct_item) @definition
(enum_item) @definition
(trait_item) @definition
(type_item) @definition
(macro_definition) @definition
(mod_item body: (_)) @definition
(mod_item !body name: (identifier) @import)
(use_declaration argument: (_) @import)
"""
_JAVA = """
(class_declaration) @definition
(interface_declaration) @definition
(enum_declaration) @definition
(record_declaration) @definition
(method_declaration) @definition
(constructor_declaration) @definition
(import_declaration [(scoped_identifier) (identifier)] @import)
"""
_TS = "tree_sitter_typescript"
_JS = _Source("tree_sitter_javascript", "language", _JAVASCRIPT)
_SOURCES: Mapping[str, _Source] = {
    **dict.fromkeys((".py", ".pyi"), _Source("tree_sitter_python", "language", _PYTHON)),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs"), _JS),
    **dict.fromkeys((".ts", ".mts", ".cts"), _Source(_TS, "language_typescript", _TYPESCRIPT)),
    ".tsx": _Source(_TS, "language_tsx", _TYPESCRIPT),
    ".go": _Source("tree_sitter_go", "language", _GO),
    ".rs": _Source("tree_sitter_rust", "language", _RUST),
    ".java": _Source("tree_sitter_java", "language", _JAVA),
}


def grammar(path: str) -> Grammar | None:
    """Return how a file is parsed, or None for a language without a grammar here."""
    source = _SOURCES.get(PurePosixPath(path).suffix.casefold())
    return _load(source) if source else None


@cache
def _load(source: _Source) -> Grammar | None:
    # A platform without a wheel for one grammar reads that language by lines.
    with contextlib.suppress(ImportError):
        language = Language(getattr(importlib.import_module(source.module), source.function)())
        return Grammar(language, Query(language, source.query))
    return None
