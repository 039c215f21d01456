"""What runs inside a sandbox to judge a program: standard library only."""
