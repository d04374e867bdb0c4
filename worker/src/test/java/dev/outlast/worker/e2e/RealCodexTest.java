package dev.outlast.worker.e2e;

/** Codex. */
class RealCodexTest extends RealAgentTest {

  RealCodexTest() {
    super(RealAgent.CODEX);
  }
}
