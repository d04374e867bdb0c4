package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.SessionId;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.client.WorkflowOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(180)
class LifelineTest {

  private static final InvocationProgress WORKING =
      new InvocationProgress(
          InvocationProgress.Phase.WORKING,
          new SessionId("s-1"),
          true,
          null,
          null,
          null,
          "host-1",
          7);

  private static void sleep(Duration time) {
    try {
      Thread.sleep(time.toMillis());
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String await(CountDownLatch latch) {
    try {
      return latch.await(1, TimeUnit.MINUTES) ? "done" : "nothing was told";
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void what_is_known_is_told_while_something_takes_long_and_never_after() {
    ScriptedContext context = new ScriptedContext();
    Duration longer = Call.HEARTBEAT.plusSeconds(1);
    Lifeline lifeline = new Lifeline(context.proxy());
    CountDownLatch told = new CountDownLatch(1);
    context.whenHeard(progress -> told.countDown());
    assertEquals("done", lifeline.during(WORKING, () -> await(told)));
    List<InvocationProgress> meanwhile = List.copyOf(context.heartbeats());
    assertEquals(Set.of(WORKING), Set.copyOf(meanwhile));
    sleep(longer);
    assertEquals(meanwhile, context.heartbeats());
  }

  /** Calls an activity that fails once. */
  @WorkflowInterface
  public interface Twice {
    @WorkflowMethod
    void run();
  }

  /** Notes what each of its attempts knows of the one before. */
  @ActivityInterface
  public interface Noting {
    void note();
  }

  /** The workflow. */
  public static final class TwiceWorkflow implements Twice {
    @Override
    public void run() {
      Workflow.newActivityStub(
              Noting.class,
              ActivityOptions.newBuilder()
                  .setStartToCloseTimeout(Duration.ofMinutes(1))
                  .setHeartbeatTimeout(Duration.ofSeconds(30))
                  .build())
          .note();
    }
  }

  @Test
  void an_attempt_that_knew_of_no_agent_leaves_a_retry_as_ignorant() {
    List<Boolean> knows = new CopyOnWriteArrayList<>();
    Noting activity =
        () -> {
          ActivityExecutionContext context = Activity.getExecutionContext();
          knows.add(context.getLastHeartbeatDetails(InvocationProgress.class).isPresent());
          int attempt = context.getInfo().getAttempt();
          new Lifeline(context).beat(attempt == 2 ? WORKING : null);
          if (attempt < 3) {
            throw new IllegalStateException("once more");
          }
        };
    try (TestWorkflowEnvironment temporal = TestWorkflowEnvironment.newInstance()) {
      var worker = temporal.newWorker("here");
      worker.registerWorkflowImplementationTypes(TwiceWorkflow.class);
      worker.registerActivitiesImplementations(activity);
      temporal.start();
      temporal
          .getWorkflowClient()
          .newWorkflowStub(Twice.class, WorkflowOptions.newBuilder().setTaskQueue("here").build())
          .run();
    }
    assertEquals(List.of(false, false, true), knows, "the last one as a control");
  }
}
