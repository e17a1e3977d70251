Feature: Would they have bought anyway?
  A/B tests in automations are broken or judged by opens, and nobody keeps a control group
  (mautic#1520, #14535, #16318). What is noted is looked at in the store, so that scenario is played
  by the real thing only.

  Scenario: Who is held out gets nothing, the same people for ever
    Given the funnel says:
      """
      hold_out: {default: 50}
      """
    And the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
      """
    And 20 people are leads
    When 10 days pass
    Then some of them got hello, and the others nothing

  @stored
  Scenario: What they would have got is noted
    Given the funnel says:
      """
      hold_out: {default: 50}
      """
    And the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
      """
    And 20 people are leads
    When 10 days pass
    Then it is noted of held out what they would have got

  Scenario: A hold-out of one track holds nothing else back
    Given the funnel says:
      """
      hold_out: {tips: 50}
      """
    And the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
      """
    And the sequence hints:
      """
      stage: lead
      track: tips
      steps:
        - {key: nap, wait: 1d}
        - {key: tip, email: tip}
      """
    And 20 people are leads
    When 10 days pass
    Then some of them got hello, and the others hello, tip
