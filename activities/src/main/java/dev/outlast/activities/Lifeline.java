package dev.outlast.activities;

import dev.outlast.agent.InvocationProgress;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.client.ActivityCanceledException;
import io.temporal.client.ActivityCompletionClient;
import io.temporal.client.ActivityCompletionException;
import io.temporal.client.ActivityCompletionFailureException;
import io.temporal.client.ActivityPausedException;
import io.temporal.client.ActivityWorkerShutdownException;
import io.temporal.failure.TimeoutFailure;
import io.temporal.payload.context.ActivitySerializationContext;
import java.time.Duration;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How an attempt tells the server that it lives, and hears whether it still counts.
 *
 * <p>That the server cannot be reached is no answer: nobody can be given the work while it is down,
 * so an agent goes on through an outage of any length, within its own time limits. The SDK (1.38)
 * gives an attempt up by itself when no heartbeat has got through for the heartbeat timeout, and
 * from then on sends none; so this then sends them itself. When the server is back, its answer to
 * the first one says whether the attempt still counts. If it does not, because the server has timed
 * it out meanwhile, another attempt goes on with the session.
 *
 * <p>Not thread-safe.
 */
final class Lifeline {

  /** How long at most an attempt is said to live {@link #during} something, in case it hangs. */
  static final Duration MAX_DURING = Duration.ofMinutes(3);

  private static final Logger log = LoggerFactory.getLogger(Lifeline.class);

  /** What the server, or the worker, says to an attempt. */
  enum Answer {
    GO_ON,
    CANCELLED,
    /** The worker is going away. */
    DRAINED,
    /** An operator has paused the activity; the server keeps it until it is unpaused. */
    PAUSED,
    /** The server has given this attempt up, so nobody hears its result. */
    LOST
  }

  private final ActivityExecutionContext context;

  /** In place of the SDK's heartbeats; null while those work. */
  private ActivityCompletionClient own;

  Lifeline(ActivityExecutionContext context) {
    this.context = context;
  }

  /**
   * Does what takes a while and reports nothing itself, and says meanwhile that the attempt lives.
   * No heartbeat of this follows once it has returned. What the server answers is heard by the next
   * {@link #beat}, since it answers that in the same way.
   *
   * @param progress what is known so far, which stays what a retried attempt is told; null if that
   *     is nothing: it is then told nothing either, and not that an agent was about to start
   */
  <T> T during(InvocationProgress progress, Supplier<T> work) {
    return during(progress, MAX_DURING, work);
  }

  /**
   * As the other, for what may take longer.
   *
   * @param atMost how long at most the attempt is said to live
   */
  <T> T during(InvocationProgress progress, Duration atMost, Supplier<T> work) {
    Pulse pulse = new Pulse(progress, atMost);
    Thread thread = new Thread(pulse, "heartbeat-" + Thread.currentThread().getName());
    thread.setDaemon(true);
    thread.start();
    try {
      return work.get();
    } finally {
      pulse.end();
    }
  }

  /** Sends the same heartbeat again and again. */
  private final class Pulse implements Runnable {
    private final InvocationProgress progress;
    private final Duration atMost;
    private boolean ended;

    Pulse(InvocationProgress progress, Duration atMost) {
      this.progress = progress;
      this.atMost = atMost;
    }

    @Override
    public synchronized void run() {
      long began = System.nanoTime();
      try {
        while (!ended && System.nanoTime() - began < atMost.toNanos()) {
          wait(Call.HEARTBEAT.toMillis());
          if (!ended) {
            beat(progress);
          }
        }
      } catch (InterruptedException nobodyDoes) {
        Thread.currentThread().interrupt();
      }
    }

    /** Waits for a heartbeat that is being sent. */
    synchronized void end() {
      ended = true;
      notifyAll();
    }
  }

  /** Sends a heartbeat, or has it sent soon; gives the newest answer that is known. */
  Answer beat(InvocationProgress progress) {
    if (own == null) {
      try {
        context.heartbeat(progress);
        return Answer.GO_ON;
      } catch (ActivityCompletionException answer) {
        if (!(answer.getCause() instanceof TimeoutFailure)) {
          return meaning(answer);
        }
      }
      log.warn("The server has heard no heartbeat for too long; the agent goes on meanwhile");
      own =
          context
              .getWorkflowClient()
              .newActivityCompletionClient()
              .withContext(new ActivitySerializationContext(context.getInfo()));
    }
    try {
      own.heartbeat(context.getInfo().getTaskToken(), progress);
      return Answer.GO_ON;
    } catch (ActivityCompletionFailureException notHeard) {
      // That client wraps also the answers that cancel, pause or reset an activity.
      return notHeard.getCause() instanceof ActivityCompletionException answer
          ? meaning(answer)
          : Answer.GO_ON;
    } catch (ActivityCompletionException answer) {
      return meaning(answer);
    }
  }

  private static Answer meaning(ActivityCompletionException answer) {
    if (answer instanceof ActivityWorkerShutdownException) {
      return Answer.DRAINED;
    }
    if (answer instanceof ActivityPausedException) {
      return Answer.PAUSED;
    }
    return answer instanceof ActivityCanceledException ? Answer.CANCELLED : Answer.LOST;
  }
}
