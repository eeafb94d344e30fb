"""What a release needs and other files say: pages, man pages, completions, notices.

Not part of the package that users install. Run a part as `python -m release.NAME` with `python/` on
the path, as it is after `just setup`. `release.generate` writes all files that lie in the
repository; a test compares them with what it would write.
"""
