"""What a run keeps on disk, how it is stopped, and who is told of its progress."""
