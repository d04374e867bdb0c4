package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.outlast.limit.AccountGateWorkflow;
import io.temporal.testing.WorkflowReplayer;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every recorded history still replays, so a worker may be upgraded in the middle of a run or a
 * wait.
 */
class GoldenHistoriesTest {

  static List<Path> histories() {
    return RunFixture.goldenHistories();
  }

  @Test
  void there_are_histories_to_replay() {
    assertFalse(histories().isEmpty());
  }

  @ParameterizedTest
  @MethodSource("histories")
  void replays(Path history) throws Exception {
    WorkflowReplayer.replayWorkflowExecution(
        RunFixture.goldenHistory(history), AgentRunWorkflow.class, AccountGateWorkflow.class);
  }
}
