Feature: No means no, at once and everywhere
  Contacts who bounced or said no are mailed again, and out-of-office replies unsubscribe people
  (mautic#4356, #4494, #2761, #9282).

  Background:
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: pause, wait: 2d}
        - {key: again, email: again}
      """

  Scenario: Who never said yes is not mailed
    Given Ana is a lead, with:
      """
      consents: {news: true}
      """
    When 10 days pass
    Then Ana has got nothing

  Scenario: Unsubscribing ends what is under way
    Given Ana and Bo are leads
    When 1 day passes
    And Ana unsubscribes
    And 10 days pass
    Then Ana has got hello
    And Ana's run through welcome is exited
    And Bo has got hello, again

  Scenario: A complaint ends everything
    Given Ana is a lead
    When 1 day passes
    And Ana complains
    And Ana does form
    And 10 days pass
    Then Ana has got hello
    And nobody got anything twice

  Scenario: Who signs up is asked once, and written to after their yes
    Given the funnel says:
      """
      topics:
        - {key: marketing, name: {vi: Thư, en: Letters}, confirm: true}
        - {key: asking, name: {vi: Hỏi, en: Asking}, transactional: true}
      """
    And the sequence asking:
      """
      trigger: {event: subscription_asked, key: ask}
      reentry: keyed
      returning: restart
      steps:
        - {key: ask, email: please, topic: asking}
      """
    And Ana is a lead, with:
      """
      consents: {}
      """
    When Ana signs up for marketing
    And Ana signs up for marketing
    And 5 days pass
    Then Ana has got please
    When Ana confirms
    And Ana confirms
    And 10 days pass
    Then Ana has got please, hello, again
    And nobody got anything twice

  Scenario: An old yes is worth nothing, and never stands against a later no
    Given the funnel says:
      """
      topics:
        - {key: marketing, name: {vi: Thư, en: Letters}, confirm: true}
        - {key: asking, name: {vi: Hỏi, en: Asking}, transactional: true}
      """
    And the sequence asking:
      """
      trigger: {event: subscription_asked, key: ask}
      reentry: keyed
      returning: restart
      steps:
        - {key: ask, email: please, topic: asking}
      """
    And Ana and Bo are leads
    When 1 day passes
    And Ana unsubscribes
    And Ana signs up for marketing
    And 8 days pass
    And Ana confirms
    And 10 days pass
    Then Ana has got hello, please
    When Ana signs up for marketing
    And Ana confirms
    And 10 days pass
    Then Ana has got hello, please, please, again
    And Bo has got hello, again
