"""Log lines and results in; text, NDJSON, Markdown, HTML, JUnit, SARIF and GitHub out."""
