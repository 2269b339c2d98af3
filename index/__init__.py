"""Everything that is true before a question is asked: articles, chunks, vectors, stores."""
