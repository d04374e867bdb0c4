package dev.outlast.activities;

import dev.outlast.agent.InvocationProgress;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import io.temporal.client.ActivityCanceledException;
import io.temporal.common.CancellationToken;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;

/** An activity's context that keeps the heartbeats and answers them as a test says. */
final class ScriptedContext {

  private final List<InvocationProgress> heartbeats = new CopyOnWriteArrayList<>();
  private int attempt = 1;
  private int failsFrom = Integer.MAX_VALUE;
  private RuntimeException answer;

  /** All heartbeats from this one on (from 1) fail in this way. */
  ScriptedContext answers(int heartbeat, RuntimeException failure) {
    failsFrom = heartbeat;
    answer = failure;
    return this;
  }

  ScriptedContext attempt(int number) {
    attempt = number;
    return this;
  }

  List<InvocationProgress> heartbeats() {
    return heartbeats;
  }

  ActivityExecutionContext proxy() {
    ActivityInfo info =
        proxy(ActivityInfo.class, name -> name.equals("getAttempt") ? (Object) attempt : null);
    return (ActivityExecutionContext)
        Proxy.newProxyInstance(
            ScriptedContext.class.getClassLoader(),
            new Class<?>[] {ActivityExecutionContext.class},
            (proxy, method, args) ->
                switch (method.getName()) {
                  case "heartbeat" -> {
                    heartbeats.add((InvocationProgress) args[0]);
                    if (answer != null && heartbeats.size() >= failsFrom) {
                      throw answer;
                    }
                    yield null;
                  }
                  case "getCancellationToken" ->
                      CancellationToken.<ActivityCanceledException>none();
                  case "getInfo" -> info;
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  private static <T> T proxy(Class<T> type, Function<String, Object> answers) {
    return type.cast(
        Proxy.newProxyInstance(
            ScriptedContext.class.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, args) -> answers.apply(method.getName())));
  }
}
