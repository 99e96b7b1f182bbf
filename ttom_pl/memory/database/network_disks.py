"""What kind of disk a folder is on."""

from pathlib import Path

_NETWORK = frozenset(
    "9p afs afpfs beegfs ceph cifs fuse.ceph fuse.glusterfs fuse.rclone fuse.s3fs fuse.sshfs glusterfs gpfs lustre "
    "ncpfs nfs nfs4 orangefs pvfs2 smb2 smb3 smbfs virtiofs vboxsf webdav".split()
)
"""File systems that several machines may have mounted, by the names that Linux gives them."""
_MOUNTS = Path("/proc/self/mountinfo")


def network_filesystem(path: Path) -> str | None:
    """Return the kind of the network file system that a folder is on, or None where it is on a local disk.

    Only Linux tells; elsewhere a folder counts as local.

    Args:
        path: the folder, which exists.
    """
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    kind = _kind(lines, path.resolve())
    return kind if kind in _NETWORK else None


def _kind(lines: list[str], path: Path) -> str | None:
    """Return the file system of a path: that of the deepest mount above it, of equals the one mounted last."""
    best, kind = -1, None
    for line in lines:
        fields, _, rest = line.partition(" - ")
        parts = fields.split(" ")
        if len(parts) < 5 or not rest:
            continue
        mount = Path(_unescaped(parts[4]))
        if path.is_relative_to(mount) and len(mount.parts) >= best:
            best, kind = len(mount.parts), rest.split(" ")[0]
    return kind


def _unescaped(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


__all__ = ["network_filesystem"]
