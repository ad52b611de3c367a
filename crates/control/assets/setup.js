// Takes the one-time token from the link's fragment, which never reaches a server by itself, and posts it.
"use strict";
{
  const form = document.querySelector("form");
  const wrong = document.querySelector(".wrong");
  const button = form.querySelector("button");

  const send = async (token) => {
    button.disabled = true;
    wrong.textContent = "";
    try {
      const answer = await fetch("/api/v1/session/setup", {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ token }),
      });
      if (answer.ok) return location.replace("/");
      const problem = await answer.json().catch(() => ({}));
      wrong.textContent = problem.detail ?? "This link does not work any more. Start Wardmote again for a new one.";
    } catch {
      wrong.textContent = "Wardmote does not answer. Does it still run? Then try again.";
    }
    button.disabled = false;
    form.token.focus();
  };

  const tokenIn = (text) => text.trim().replace(/^.*#t=/, "");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(tokenIn(form.token.value));
  });
  if (location.hash.startsWith("#t=")) {
    form.token.value = tokenIn(location.hash);
    history.replaceState(null, "", location.pathname);
    send(form.token.value);
  }
}
