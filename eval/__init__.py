"""The answer-quality benchmark."""
