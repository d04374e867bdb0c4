package dev.outlast.limit;

/** A run's place among those that want the same account. The numbers are Temporal's own. */
public final class RunPriority {

  public static final int HIGHEST = 1;
  public static final int LOWEST = 5;

  /** Of a run that does not say. */
  public static final int DEFAULT = 3;

  /** Runs of this priority, and of a higher one, start also in hours that are kept in reserve. */
  public static final int LOWEST_IN_RESERVE = 2;

  private RunPriority() {}

  /**
   * A priority, or the default for 0.
   *
   * @throws IllegalArgumentException if there is no such priority
   */
  public static int checked(int priority) {
    if (priority == 0) {
      return DEFAULT;
    }
    if (priority < HIGHEST || priority > LOWEST) {
      throw new IllegalArgumentException(
          "priority: " + priority + " is not one of " + HIGHEST + " (first) to " + LOWEST);
    }
    return priority;
  }
}
