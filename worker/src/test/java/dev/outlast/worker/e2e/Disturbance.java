package dev.outlast.worker.e2e;

import java.time.Duration;

/**
 * Something that a test did to a worker, the server or an agent.
 *
 * @param from when it began, as {@link System#nanoTime}
 * @param until when it was over
 * @param what for people
 * @param task the only task that it can have met; null for all
 * @param worker the only worker whose agents it can have met; null for all
 */
record Disturbance(long from, long until, String what, String task, String worker) {

  /**
   * On a busy machine that much time passes between the moment in which an agent is let go and the
   * first thing that it writes down.
   */
  static final Duration START = Duration.ofSeconds(5);

  /**
   * Whether it can be why an agent's invocation had to be made again.
   *
   * @param ofWorker whose agent it was; null if that is not known
   * @param began when the agent wrote its first line
   * @param ended when nothing could be lost of the invocation any more
   */
  boolean explains(String ofTask, String ofWorker, long began, long ended) {
    return (task == null || task.equals(ofTask))
        && (worker == null || ofWorker == null || worker.equals(ofWorker))
        && from <= ended
        && until >= (task == null ? began - START.toNanos() : began);
  }
}
