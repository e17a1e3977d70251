Feature: Steps do what they say, once for each pass
  Drips that wait from the wrong moment, branches on opens that a privacy proxy answered, A/B tests
  that throw dice again for the same person, and loops that mail for ever (mautic#266, #3948,
  #16262; parcelvoy#607).

  Scenario: A branch takes the first case that is true, and only that
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - key: who
          branch:
            cases:
              - {when: {field: country, is: VN}, to: hello}
              - {when: {tag: vip}, to: thanks}
            else: again
        - {key: hello, email: hello, next: end}
        - {key: thanks, email: thanks, next: end}
        - {key: again, email: again, next: end}
      """
    And Ana is a lead, with:
      """
      fields: {country: VN}
      tags: [vip]
      """
    And Bo is a lead, with:
      """
      tags: [vip]
      """
    And Cleo is a lead
    When 3 days pass
    Then Ana has got hello
    And Bo has got thanks
    And Cleo has got again

  Scenario: A split keeps everybody in their arm, whatever happens
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - key: which
          split: {arms: [{key: a, to: hello}, {key: b, to: thanks}]}
        - {key: hello, email: hello, next: end}
        - {key: thanks, email: thanks, next: end}
      """
    And 20 people are leads
    When 10 days pass
    Then some of them got hello, and the others thanks

  Scenario: A date is waited for with its offset
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - key: soon
          wait_until: {field: renewal, before: 2d, at: "09:00", past: again, missing: end}
        - {key: hello, email: hello, next: end}
        - {key: again, email: again, next: end}
      """
    And Ana is a lead, with:
      """
      fields: {renewal: "2026-03-12"}
      """
    And Bo is a lead, with:
      """
      fields: {renewal: "2026-02-12"}
      """
    And Cleo is a lead, with:
      """
      fields: {renewal: soon}
      """
    When 20 days pass
    Then Ana got hello on 2026-03-10 at 09:00
    And Bo has got again
    And Cleo has got nothing

  Scenario: A loop ends at its limit
    Given the sequence welcome:
      """
      stage: lead
      returning: restart
      steps:
        - {key: pause, wait: 1d, passes: 3}
        - {key: note, update: {tag: [seen]}, passes: 3}
        - key: more
          branch: {cases: [{when: {did: form}, to: hello}], else: pause}
          passes: 3
        - {key: hello, email: hello, next: end}
      """
    And Ana is a lead
    When 20 days pass
    Then Ana has got nothing
    And Ana's run through welcome is exhausted

  Scenario: A goal pulls forward whoever reached it
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: pause, wait: 10d}
        - {key: again, email: again}
        - {key: bought, goal: {event: purchase}}
        - {key: thanks, email: thanks}
      """
    And Ana and Bo are leads
    When 2 days pass
    And Ana does purchase
    And 20 days pass
    Then Ana has got hello
    And Bo has got hello, again

  Scenario: An update is seen by the step after it
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: write, update: {set: {interest: price}, tag: [asked]}}
        - key: look
          branch: {cases: [{when: {all: [{field: interest, is: price}, {tag: asked}]}, to: hello}], else: end}
        - {key: hello, email: hello}
      """
    And Ana is a lead
    When 1 hour passes
    Then Ana has got hello
