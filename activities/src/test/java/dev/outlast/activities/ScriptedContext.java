package dev.outlast.activities;

import dev.outlast.agent.InvocationProgress;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import io.temporal.client.ActivityCanceledException;
import io.temporal.client.ActivityCompletionClient;
import io.temporal.client.WorkflowClient;
import io.temporal.common.CancellationToken;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Function;

/** An activity's context that keeps the heartbeats and answers them as a test says. */
final class ScriptedContext {

  private final List<InvocationProgress> heartbeats = new CopyOnWriteArrayList<>();
  private final List<InvocationProgress> own = new CopyOnWriteArrayList<>();
  private final NavigableMap<Integer, RuntimeException> ownAnswers = new TreeMap<>();
  private int attempt = 1;
  private int failsFrom = Integer.MAX_VALUE;
  private RuntimeException answer;
  private Consumer<InvocationProgress> heard = any -> {};

  /** What happens with each heartbeat, whichever way it goes, after it is on the lists. */
  ScriptedContext whenHeard(Consumer<InvocationProgress> then) {
    heard = then;
    return this;
  }

  /** All heartbeats from this one on (from 1) fail in this way. */
  ScriptedContext answers(int heartbeat, RuntimeException failure) {
    failsFrom = heartbeat;
    answer = failure;
    return this;
  }

  /** The heartbeats that do not go through the SDK fail in this way, from this one on (from 1). */
  ScriptedContext ownAnswers(int heartbeat, RuntimeException failure) {
    ownAnswers.put(heartbeat, failure);
    return this;
  }

  /** The heartbeats that did not go through the SDK. */
  List<InvocationProgress> own() {
    return own;
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
        proxy(
            ActivityInfo.class,
            name ->
                switch (name) {
                  case "getAttempt" -> attempt;
                  case "isLocal" -> false;
                  case "getNamespace", "getActivityType", "getActivityTaskQueue" -> "scripted";
                  default -> null;
                });
    return (ActivityExecutionContext)
        Proxy.newProxyInstance(
            ScriptedContext.class.getClassLoader(),
            new Class<?>[] {ActivityExecutionContext.class},
            (proxy, method, args) ->
                switch (method.getName()) {
                  case "heartbeat" -> {
                    heartbeats.add((InvocationProgress) args[0]);
                    heard.accept((InvocationProgress) args[0]);
                    if (answer != null && heartbeats.size() >= failsFrom) {
                      throw answer;
                    }
                    yield null;
                  }
                  case "getCancellationToken" ->
                      CancellationToken.<ActivityCanceledException>none();
                  case "getInfo" -> info;
                  case "getWorkflowClient" ->
                      proxy(WorkflowClient.class, name -> completionClient());
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  private ActivityCompletionClient completionClient() {
    return (ActivityCompletionClient)
        Proxy.newProxyInstance(
            ScriptedContext.class.getClassLoader(),
            new Class<?>[] {ActivityCompletionClient.class},
            (proxy, method, args) -> {
              if (method.getName().equals("withContext")) {
                return proxy;
              }
              own.add((InvocationProgress) args[1]);
              heard.accept((InvocationProgress) args[1]);
              throw ownAnswers.floorEntry(own.size()).getValue();
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
