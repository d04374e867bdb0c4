package dev.outlast.activities.provider.claude;

import dev.outlast.agent.SessionId;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a session has cost, by its file. A process that resumes a session tells the sum of both, and
 * one that is interrupted may tell nothing but leaves the sum in the file (version 2.1.329).
 *
 * @param conversations null where the file is not to be asked
 * @param before what the session had cost before the call, in US dollars
 */
record SessionCost(Conversations conversations, double before) {

  /** Of a session of which no more is known than what the program tells. */
  static final SessionCost UNKNOWN = new SessionCost(null, 0);

  private static final Logger log = LoggerFactory.getLogger(SessionCost.class);

  /**
   * To be asked before the call.
   *
   * @param session null if it is not known yet, and so fresh
   */
  static SessionCost of(Conversations conversations, SessionId session) {
    return new SessionCost(conversations, session == null ? 0 : read(conversations, session));
  }

  /** What a call has cost that tells this of its session. */
  double ofCall(double told) {
    return told >= before ? told - before : told;
  }

  /** What a call has cost that has told nothing, by what it has left in the file. */
  double left(SessionId session) {
    return conversations == null || session == null
        ? 0
        : Math.max(0, read(conversations, session) - before);
  }

  private static double read(Conversations conversations, SessionId session) {
    try {
      return conversations.costUsd(session);
    } catch (IOException e) {
      // Rather too much is counted than too little: the next call is charged with all of it.
      log.warn("What session {} has cost so far cannot be read", session, e);
      return 0;
    }
  }
}
