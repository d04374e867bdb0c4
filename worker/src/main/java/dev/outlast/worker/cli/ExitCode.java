package dev.outlast.worker.cli;

/** What the {@code outlast} command exits with. */
public final class ExitCode {

  public static final int DONE = 0;

  /** The run failed or stopped, or what was asked for cannot be done. */
  public static final int FAILED = 1;

  /** The command line or the configuration is wrong. */
  public static final int USAGE = 2;

  /** Temporal cannot be reached or does not let us in, or no worker answers. */
  public static final int NO_TEMPORAL = 3;

  /** The command was interrupted. */
  public static final int INTERRUPTED = 130;

  private ExitCode() {}
}
