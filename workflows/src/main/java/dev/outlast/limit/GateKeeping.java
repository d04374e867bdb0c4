package dev.outlast.limit;

import io.temporal.activity.ActivityInterface;
import java.util.List;

/** What a gate needs to have done for it: to find the runs that wait, and to tell them. */
@ActivityInterface
public interface GateKeeping {

  /**
   * Asks the first of the waiting runs to try whether the provider lets it through.
   *
   * @return the run that was told; null if none waits
   */
  GateWaiter askToTry(GateRelease release);

  /**
   * Lets waiting runs go, the first first. Takes as long as they are spread; done again, it goes on
   * with those that still wait.
   *
   * @return how many were told
   */
  int release(GateRelease release);

  /** Of which of these runs no agent is at work: they have ended, are paused, or wait. */
  List<String> ended(List<String> runs);
}
