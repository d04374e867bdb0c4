package dev.outlast.worker.e2e;

import dev.outlast.limit.LimitScope;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/** A usage limit as one of the agents meets it. */
enum Wall {
  /** The agent ends and names the exact reset. */
  CLAUDE_FIVE_HOURS(
      RealAgent.CLAUDE, AnthropicWire::fiveHourLimit, LimitScope.SESSION, Duration.ofSeconds(1)),

  /** The agent ends and names the minute; the file of its session has the exact reset. */
  CODEX_FIVE_HOURS(
      RealAgent.CODEX, ResponsesWire::fiveHourLimit, LimitScope.SESSION, Duration.ofSeconds(61)),

  /** The agent ends and says how long to wait. */
  GEMINI_RETRY_LATER(
      RealAgent.GEMINI, GeminiWire::retryLater, LimitScope.UNKNOWN, Duration.ofSeconds(10)),

  /** The agent sleeps in its process, longer than it was told to. */
  GEMINI_CAPACITY(
      RealAgent.GEMINI, GeminiWire::exhaustedCapacity, LimitScope.MODEL, Duration.ofMinutes(3)),

  /** The agent ends and says how long to wait. */
  COPILOT_SESSION(
      RealAgent.COPILOT, ChatWire::copilotSessionLimit, LimitScope.SESSION, Duration.ofSeconds(10)),

  /** The agent tries again in its process and tells its log when. */
  OPENCODE_GO(
      RealAgent.OPENCODE, ChatWire::openCodeGoLimit, LimitScope.SESSION, Duration.ofMinutes(2));

  private final RealAgent agent;
  private final Wire.Refusal refusal;
  private final LimitScope scope;
  private final Duration exactTo;

  Wall(RealAgent agent, Wire.Refusal refusal, LimitScope scope, Duration exactTo) {
    this.agent = agent;
    this.refusal = refusal;
    this.scope = scope;
    this.exactTo = exactTo;
  }

  /** The walls of an agent. */
  static List<Wall> allOf(RealAgent agent) {
    return Arrays.stream(values()).filter(wall -> wall.agent == agent).toList();
  }

  /** The first wall of an agent. */
  static Wall of(RealAgent agent) {
    return allOf(agent).get(0);
  }

  RealAgent agent() {
    return agent;
  }

  Wire.Refusal refusal() {
    return refusal;
  }

  LimitScope scope() {
    return scope;
  }

  /** Whether the agent ends at a limit of seconds, too; others sit out a short one. */
  boolean endsAtShortLimits() {
    return agent == RealAgent.CLAUDE || agent == RealAgent.CODEX;
  }

  /** Whether the agent lets anybody know when the allowance returns. */
  boolean namesReset() {
    return exactTo != null;
  }

  /** How well; what is read may be this much off the announced reset. */
  Duration exactTo() {
    return exactTo;
  }
}
