package dev.outlast.worker.e2e;

/**
 * Something that a test did to a worker, the server or an agent.
 *
 * @param from when it began, as {@link System#nanoTime}
 * @param until when it was over
 * @param what for people
 * @param task the only task that it can have met; null for all
 */
record Disturbance(long from, long until, String what, String task) {

  /** Whether it can be the cause of what happened to a task between these two moments. */
  boolean explains(String ofTask, long after, long before) {
    return from <= before && until >= after && (task == null || task.equals(ofTask));
  }
}
