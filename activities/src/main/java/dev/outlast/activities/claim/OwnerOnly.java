package dev.outlast.activities.claim;

import java.nio.file.FileSystems;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;

/** Permissions with which only the worker's user gets at what is made. */
final class OwnerOnly {

  static final FileAttribute<?>[] FILE = permissions("rw-------");
  static final FileAttribute<?>[] FOLDER = permissions("rwx------");

  private OwnerOnly() {}

  private static FileAttribute<?>[] permissions(String permissions) {
    return FileSystems.getDefault().supportedFileAttributeViews().contains("posix")
        ? new FileAttribute<?>[] {
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
        }
        : new FileAttribute<?>[0];
  }
}
