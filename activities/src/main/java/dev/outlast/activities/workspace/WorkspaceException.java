package dev.outlast.activities.workspace;

/** A folder that cannot be used; the message says which, why, and what to do about it. */
public final class WorkspaceException extends RuntimeException {

  private static final long serialVersionUID = 1;

  private final boolean passing;

  private WorkspaceException(String message, boolean passing) {
    super(message);
    this.passing = passing;
  }

  /** Another try would fail in the same way. */
  static WorkspaceException lasting(String message) {
    return new WorkspaceException(message, false);
  }

  /** Another try may succeed: a lock, a full disk, a disk that is not mounted yet. */
  static WorkspaceException passing(String message) {
    return new WorkspaceException(message, true);
  }

  /** Whether another try may succeed. */
  public boolean passing() {
    return passing;
  }
}
