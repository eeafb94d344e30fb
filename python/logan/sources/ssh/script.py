"""What runs on a host that is read by ssh: a POSIX shell that answers requests.

Nothing is installed there. `sh` gets `script` on its standard input, then one request a line. It
needs tail, head and find; stat, cksum and gzip are used where they are. When its input ends, so
does it: no process stays behind, however this side ended.

```text
\\n@NONCE hello GZIP CKSUM TOOLS        once; what a login prints before it is not looked at
get:   @NONCE ID ok INODE SIZE MTIME   then LENGTH bytes, as gzip or as they are, then
       @NONCE ID end INODE SIZE MTIME SUMS
       @NONCE ID err WHY               missing, denied, folder, special, changed
look:  entries that end in NUL: F a file, H hidden, S not a file, D it is a folder, E an error;
       the last one is @NONCE ID end
```

NONCE is random, and in the script it stands in two parts, so that an echo of the script is not
mistaken for an answer. INODE, SIZE and SUMS (of the first bytes of the planned range and of its
last ones) are looked at after the bytes were read, too: by them the other side knows that it was
the planned file all the time. A file that was renamed is found again by its inode in its folder.

A range is read by `tail -c +N | head -c M`. gzip says itself where it ends; plain bytes are filled
up with zeros to the length that was asked for, and the size that follows tells whether they had to.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Final

from logan.sources.hosts import MARKS

__all__ = ["EDGE_BYTES", "get_request", "glob_request", "look_request", "script"]

EDGE_BYTES: Final = 4096
"""At both ends of what was planned, of which the sums are."""

_SCRIPT: Final = r"""
LC_ALL=C; export LC_ALL; unset CDPATH
n='%s''%s'
exec 3>&1
say() { printf '@%%s %%s\n' "$n" "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
z=0; c=0; t=1
if have gzip; then z=1; fi
if have cksum; then c=1; fi
if have tail && have head; then :; else t=0; fi
if stat -Lc %%i / >/dev/null 2>&1; then
  st() { stat -Lc '%%d:%%i %%s %%Y' "$1" 2>/dev/null; }
elif stat -Lf %%i / >/dev/null 2>&1; then
  st() { stat -Lf '%%d:%%i %%z %%m' "$1" 2>/dev/null; }
else
  st() {
    q=$(ls -Lid "$1" 2>/dev/null) && b=$(wc -c <"$1") || return 1
    set -- $q; echo "0:$1 $((b)) -"
  }
fi
kind() {
  if [ -d "$1" ]; then k=folder
  elif [ -f "$1" ]; then if [ -r "$1" ]; then k=file; else k=denied; fi
  elif [ -e "$1" ]; then k=special
  else
    k=missing; d=$1
    while :; do
      case $d in */*) d=${d%%/*} ;; *) break ;; esac
      if [ -z "$d" ]; then break; fi
      if [ -d "$d" ]; then if [ ! -x "$d" ]; then k=denied; fi; break; fi
    done
  fi
}
moved() {
  g=$(find "${1%%/*}/" -maxdepth 1 -type f -inum "${2#*:}" -print 2>/dev/null | head -n 1)
  if [ -z "$g" ] || [ ! -r "$g" ]; then return 1; fi
  y=$(st "$g"); [ "${y%%%% *}" = "$2" ]
}
inside() {
  if [ -L "$1" ]; then return 1; fi
  r=$(cd "$2" 2>/dev/null && pwd -P) && p=$(cd "${1%%/*}/" 2>/dev/null && pwd -P) || return 1
  case ${p%%/}/ in "${r%%/}"/*) return 0 ;; esac
  return 1
}
sums() {
  e=-
  if [ "$c" = 1 ] && [ "$2" -gt 0 ]; then
    set -- $(head -c "$2" <"$1" | cksum) $(tail -c "+$3" <"$1" | head -c "$4" | cksum)
    e=$1,$2,$3,$4
  fi
}
get() {
  f=$2; kind "$f"; s=$(st "$f")
  if [ -n "$7" ] && [ "$k" = file ] && ! inside "$f" "$7"; then say "$1 err outside"; return; fi
  if [ "$3" != - ] && [ "${s%%%% *}" != "$3" ]; then
    if moved "$f" "$3"; then f=$g; k=file; s=$y
    elif [ "$k" = file ]; then say "$1 err changed"; return
    fi
  fi
  if [ "$k" != file ] || [ -z "$s" ]; then say "$1 err $k"; return; fi
  say "$1 ok $s"
  if [ "$5" -gt 0 ]; then
    case $6 in
    gzip) tail -c "+$4" <"$f" | head -c "$5" | gzip -1 -c ;;
    *) { tail -c "+$4" <"$f"; cat /dev/zero; } | head -c "$5" ;;
    esac
  fi
  i=$1 h=$8 u=$9 v=${10}
  if [ "$h" = now ]; then
    set -- $s; h=$2
    if [ "$h" -gt EDGE ]; then h=EDGE; fi
    u=$(($2 - h + 1)) v=$h
  fi
  if [ "$h$5" = 00 ]; then say "$i end $s -"; return; fi
  for o in 1 2 3; do
    sums "$f" "$h" "$u" "$v"; j=$(st "$f")
    if [ "${j%%%% *}" = "${s%%%% *}" ]; then break; fi
    if moved "$f" "${s%%%% *}"; then f=$g; fi
  done
  say "$i end $j $e"
} 2>/dev/null </dev/null
below() {
  x=$(find -L "$1/." \( -name '.?*' -prune -exec printf 'H%%s\000' {} + \) \
    -o \( -type f -exec printf 'F%%s\000' {} + \) \
    -o \( ! -type d -exec printf 'S%%s\000' {} + \) 2>&1 >&3)
  if [ -n "$x" ]; then printf 'E%%s\000' "$x"; fi
}
look() {
  if [ -d "$2" ]; then printf 'D%%s\000' "$2"; below "$2"; else printf 'F%%s\000' "$2"; fi
  printf '@%%s %%s end\000' "$n" "$1"
} </dev/null
glob() {
  if [ -e "$2" ] || [ -L "$2" ]; then look "$1" "$2"; return; fi
  i=$1; shift 2
  for f do
    if [ -d "$f" ]; then continue; fi
    if [ -e "$f" ] || [ -L "$f" ]; then printf 'F%%s\000' "$f"; fi
  done
  printf '@%%s %%s end\000' "$n" "$i"
} </dev/null
printf '\n@%%s hello %%s %%s %%s\n' "$n" "$z" "$c" "$t"
"""

_PLAIN: Final = re.compile(rb"[A-Za-z0-9_./+,:@%=-]+")


def script(nonce: str) -> bytes:
    """What `sh` reads first; its answers begin with the nonce."""
    half = len(nonce) // 2
    text = _SCRIPT.replace("EDGE", str(EDGE_BYTES))
    return (text % (nonce[:half], nonce[half:])).encode()


def get_request(
    number: int,
    path: str,
    *,
    inode: str | None,
    start: int,
    length: int,
    how: str,
    planned: int | None,
    below: str | None = None,
) -> bytes:
    """Asks for bytes of a file.

    Args:
        inode: as an answer gave it; None for whatever has the name now.
        how: "gzip" or "raw".
        planned: the size of which the sums are; 0 for none, None for the size of now.
        below: the folder that the file must lie in, links followed.
    """
    head = min(EDGE_BYTES, planned or 0)
    words = [
        b"get %d" % number,
        _quoted(_named(path)),
        (inode or "-").encode("ascii"),
        b"%d %d" % (start + 1, length),
        how.encode("ascii"),
        b"''" if below is None else _quoted(_named(below)),
        b"now 0 0" if planned is None else b"%d %d %d" % (head, planned - head + 1, head),
    ]
    return b" ".join(words) + b"\n"


def look_request(number: int, path: str) -> bytes:
    """Asks for the files below a folder; a file is one itself."""
    return b"look %d %s\n" % (number, _quoted(_named(path)))


def glob_request(number: int, path: str, parts: Iterable[tuple[str, bool]]) -> bytes:
    """Asks for what a pattern stands for, unless something has that very name.

    All of it is quoted but the wildcards: `parts` as in `hosts.Remote`.
    """
    text = b"".join(_wild(part) if live else _quoted(os.fsencode(part)) for part, live in parts)
    if not path.startswith("/"):
        text = b"./" + text
    return b"glob %d %s %s\n" % (number, _quoted(_named(path)), text)


def _named(path: str) -> bytes:
    """The path as no command takes it for an option, without slashes at its end."""
    data = os.fsencode(path)
    data = data.rstrip(b"/") or b"/"
    return data if data.startswith(b"/") else b"./" + data


def _quoted(data: bytes) -> bytes:
    """One word of a shell."""
    if _PLAIN.fullmatch(data):
        return data
    return b"'" + data.replace(b"'", b"'\\''") + b"'" if data else b""


def _wild(text: str) -> bytes:
    """The text as shell words in which only wildcards have a meaning."""
    found, at = [], 0
    while at < len(text):
        if text[at] in "*?":
            found.append(text[at].encode())
            at += 1
        elif text[at] == "[" and (end := _bracket_end(text, at)):
            found.append(_bracket(text[at + 1 : end]))
            at = end + 1
        else:
            stop = at + 1
            while stop < len(text) and text[stop] not in MARKS:
                stop += 1
            found.append(_quoted(os.fsencode(text[at:stop])))
            at = stop
    return b"".join(found)


def _bracket_end(text: str, start: int) -> int:
    """Where the bracket ends that is opened at `start`; 0 if it is none."""
    first = start + 2 if text[start + 1 : start + 2] in ("!", "^") else start + 1
    end = text.find("]", first + 1)
    return end if end > 0 and "/" not in text[start:end] else 0


def _bracket(inner: str) -> bytes:
    negated = inner[:1] in ("!", "^")
    rest = inner[1:] if negated else inner
    marks = b"".join(
        each.encode() if each == "-" or (each.isascii() and each.isalnum()) else _in_bracket(each)
        for each in rest
    )
    return b"[" + (b"!" if negated else b"") + marks + b"]"


def _in_bracket(character: str) -> bytes:
    return b"\\'" if character == "'" else b"'" + os.fsencode(character) + b"'"
