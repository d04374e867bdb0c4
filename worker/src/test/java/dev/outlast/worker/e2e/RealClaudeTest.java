package dev.outlast.worker.e2e;

/** Claude Code. */
class RealClaudeTest extends RealAgentTest {

  RealClaudeTest() {
    super(RealAgent.CLAUDE);
  }
}
