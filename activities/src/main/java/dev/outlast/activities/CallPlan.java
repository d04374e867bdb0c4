package dev.outlast.activities;

import dev.outlast.activities.provider.AgentCall;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;

/**
 * What an attempt of an invocation says to the agent. A pure function of the invocation and of what
 * is known of the attempt before.
 *
 * @param first the call to make
 * @param ifUnknown the call to make if the agent then does not know the session; null for none
 * @param taken whether an earlier attempt's message is known to be in the session
 */
record CallPlan(AgentCall first, AgentCall ifUnknown, boolean taken) {

  /**
   * Plans an attempt.
   *
   * @param before what the attempt before has reported; null if nothing is known of one
   * @param retried whether there was one
   * @param another an id for a fresh session that takes the place of one that never came to be;
   *     null if the agent names its sessions itself
   */
  static CallPlan of(
      AgentInvocation invocation,
      InvocationProgress before,
      boolean retried,
      SessionId another,
      String workspace) {
    SessionId known =
        before != null && before.session() != null ? before.session() : invocation.session();
    boolean taken = before != null && before.taken();
    Calls calls = new Calls(invocation, workspace, costUsdLeft(invocation, before));
    boolean neverOpened =
        invocation.start() == SessionStart.FRESH && before != null && before.session() == null;
    if (neverOpened) {
      return new CallPlan(
          calls.call(SessionStart.FRESH, another, invocation.message()), null, false);
    }
    if (!retried || known == null) {
      return new CallPlan(
          calls.call(invocation.start(), invocation.session(), invocation.message()), null, taken);
    }
    if (taken) {
      return new CallPlan(calls.resume(known, invocation.resumeMessage()), null, true);
    }
    if (invocation.start() == SessionStart.FRESH) {
      // The message may have got through without our knowing: sent again, it would be done twice.
      // If it has not, its session's id may be taken nevertheless.
      return new CallPlan(
          calls.resume(known, invocation.resumeMessage()),
          calls.call(SessionStart.FRESH, another, invocation.message()),
          false);
    }
    return new CallPlan(calls.resume(known, invocation.message()), null, false);
  }

  /** What the attempts before have left of the bound; null where there is none, or it is spent. */
  private static Double costUsdLeft(AgentInvocation invocation, InvocationProgress before) {
    Double bound = invocation.spending().costUsdLeft();
    double left = bound == null ? 0 : bound - (before == null ? 0 : before.costUsd());
    return left > 0 ? left : null;
  }

  /** Whether a session is resumed with a message that it is not known to have. */
  boolean resumesUntold() {
    return first.start() == SessionStart.RESUME && !taken;
  }

  /** The same plan with a paragraph more in the first call's message. */
  CallPlan and(String paragraph) {
    AgentCall told =
        new AgentCall(
            first.start(),
            first.session(),
            first.message() + "\n\n" + paragraph,
            first.model(),
            first.workspace(),
            first.costUsdLeft());
    return new CallPlan(told, ifUnknown, taken);
  }

  private record Calls(AgentInvocation invocation, String workspace, Double costUsdLeft) {
    AgentCall resume(SessionId session, String message) {
      return call(SessionStart.RESUME, session, message);
    }

    AgentCall call(SessionStart start, SessionId session, String message) {
      return new AgentCall(start, session, message, invocation.model(), workspace, costUsdLeft);
    }
  }
}
