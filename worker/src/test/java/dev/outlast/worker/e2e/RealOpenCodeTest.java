package dev.outlast.worker.e2e;

/** OpenCode. */
class RealOpenCodeTest extends RealAgentTest {

  RealOpenCodeTest() {
    super(RealAgent.OPENCODE);
  }
}
