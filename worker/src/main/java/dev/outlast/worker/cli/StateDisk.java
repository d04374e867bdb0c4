package dev.outlast.worker.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Where a state folder lies. Claims are taken under file locks, and records are to survive a loss
 * of power: neither is reliable on file systems that other machines share.
 *
 * @param type as {@link java.nio.file.FileStore#type} names it
 */
record StateDisk(String type) {

  /**
   * Of Linux and macOS: network file systems, what hypervisors share with their guests, and what
   * programs offer ({@code fuse.sshfs}; {@code fuseblk} is a local disk).
   */
  private static final Pattern SHARED =
      Pattern.compile(
          "nfs\\d?|cifs|smb\\w*|9p|virtiofs|fuse|fuse\\..*|\\w*fuse|afs|afpfs|ceph|lustre|gpfs|ocfs2"
              + "|gfs2|glusterfs|ncpfs|webdav|davfs2?|vboxsf|vmhgfs|prl_fs|drvfs|coda|orangefs");

  /**
   * @throws IOException if it cannot be looked at
   */
  static StateDisk of(Path folder) throws IOException {
    return new StateDisk(Files.getFileStore(folder).type());
  }

  /** What to do about it; empty if it is a local one. */
  Optional<String> advice() {
    return SHARED.matcher(type.toLowerCase(Locale.ROOT)).matches()
        ? Optional.of(
            "set worker.state-dir to a folder on a disk of this host: on a shared one, file locks"
                + " and the record of what runs may be lost, and two agents may work at once")
        : Optional.empty();
  }
}
