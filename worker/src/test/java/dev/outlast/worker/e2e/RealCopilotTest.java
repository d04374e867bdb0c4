package dev.outlast.worker.e2e;

/** Copilot CLI. */
class RealCopilotTest extends RealAgentTest {

  RealCopilotTest() {
    super(RealAgent.COPILOT);
  }
}
