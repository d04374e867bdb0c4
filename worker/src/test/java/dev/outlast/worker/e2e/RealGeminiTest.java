package dev.outlast.worker.e2e;

/** Gemini CLI. */
class RealGeminiTest extends RealAgentTest {

  RealGeminiTest() {
    super(RealAgent.GEMINI);
  }
}
