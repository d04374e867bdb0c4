package dev.outlast.worker.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StateDiskTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "virtiofs",
        "fuse.sshfs",
        "macfuse",
        "NFS"
      })
  void a_state_folder_that_others_share_is_warned_of(String type) {
    assertTrue(new StateDisk(type).advice().orElseThrow().contains("worker.state-dir"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs", "apfs", "hfs", "fuseblk"})
  void a_state_folder_on_a_local_disk_is_not(String type) {
    assertEquals(Optional.empty(), new StateDisk(type).advice());
  }
}
