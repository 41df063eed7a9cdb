"""What mkdocs is told beyond mkdocs.yml."""

from typing import Any


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Blocks marked `python no-run` (for the tests) are Python to the reader."""
    return markdown.replace('```python no-run\n', '```python\n')
