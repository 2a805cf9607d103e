"""Secrets and terminal controls kept out of the log, whoever wrote the line."""

import logging

from shared.guard.egress import Channel, Rules, release


class Redaction(logging.Filter):
    """Lets every record pass, after its text and its traceback have been examined.

    Put it on handlers: a filter on a logger does not see the records of its children.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        super().__init__()
        self._rules = rules or Rules()

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace message, arguments and traceback by texts that may be written down."""
        record.msg = self._safe(_told(record)).replace("\n", "\n    ")
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self._safe(record.exc_text)
            record.exc_info = None
        if record.stack_info:
            record.stack_info = self._safe(record.stack_info)
        return True

    def _safe(self, text: str) -> str:
        return release(text, Channel.LOG, self._rules).text


def _told(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return f"{record.msg} (its arguments do not fit)"
