"""What runs inside a sandbox: standard library only, no import from outside this package.

The host sends these modules as source through the control socket, so that nothing of the host's
file system but an interpreter has to be there. They run on any Python from 3.11 on.
"""
